-- Vaults that their holders gave up because neither passphrase nor recovery code was left (T26). They are kept as they were: the one
-- or the other may be found again.
CREATE TABLE "lost_vault" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "version" INTEGER NOT NULL,
    "server_key_version" TEXT NOT NULL,
    "passphrase_salt" BYTEA NOT NULL,
    "wrapped_by_passphrase" BYTEA NOT NULL,
    "recovery_salt" BYTEA NOT NULL,
    "wrapped_by_recovery" BYTEA NOT NULL,
    "lost_at" TIMESTAMPTZ(3) NOT NULL,
    "restored_at" TIMESTAMPTZ(3),
    "seen_at" TIMESTAMPTZ(3),
    "seen_by" TEXT,

    CONSTRAINT "lost_vault_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "lost_vault_account_id_idx" ON "lost_vault"("account_id");
CREATE INDEX "lost_vault_unseen_idx" ON "lost_vault"("lost_at") WHERE "seen_at" IS NULL;
ALTER TABLE "lost_vault" ADD CONSTRAINT "lost_vault_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Whose key is in such a vault can neither sign nor open, and is never in use.
ALTER TABLE "digital_id" ADD COLUMN "lost_vault_id" UUID;
ALTER TABLE "digital_id" ADD COLUMN "backed_up_at" TIMESTAMPTZ(3);
CREATE INDEX "digital_id_lost_vault_id_idx" ON "digital_id"("lost_vault_id");
ALTER TABLE "digital_id" ADD CONSTRAINT "digital_id_lost_vault_id_fkey" FOREIGN KEY ("lost_vault_id") REFERENCES "lost_vault"("id") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "digital_id" ADD CONSTRAINT "digital_id_lost_not_in_use" CHECK ("lost_vault_id" IS NULL OR "state" <> 'active');
