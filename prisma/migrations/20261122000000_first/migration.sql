-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateEnum
CREATE TYPE "programme_phase" AS ENUM ('test', 'production');

-- CreateEnum
CREATE TYPE "account_state" AS ENUM ('active', 'suspended', 'removed');

-- CreateEnum
CREATE TYPE "digital_id_state" AS ENUM ('active', 'retired', 'revoked');

-- CreateEnum
CREATE TYPE "link_state" AS ENUM ('none', 'asked', 'answered', 'tested', 'ready');

-- CreateEnum
CREATE TYPE "anchor_state" AS ENUM ('offered', 'trusted', 'withdrawn');

-- CreateEnum
CREATE TYPE "letter_state" AS ENUM ('queued', 'submitted', 'done', 'failed', 'cancelled');

-- CreateEnum
CREATE TYPE "envelope_state" AS ENUM ('queued', 'submitted', 'failed');

-- CreateEnum
CREATE TYPE "authority_kind" AS ENUM ('root', 'issuing');

-- CreateTable
CREATE TABLE "programme" (
    "id" UUID NOT NULL,
    "code" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "phase" "programme_phase" NOT NULL DEFAULT 'test',
    "domain_pattern" TEXT NOT NULL,
    "account_limit" INTEGER NOT NULL DEFAULT 3,
    "allowed_recipient_domains" TEXT[],
    "digital_id_days" INTEGER NOT NULL DEFAULT 31,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "programme_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "mail_server" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "imap_host" TEXT NOT NULL,
    "imap_port" INTEGER NOT NULL,
    "imap_tls" TEXT NOT NULL DEFAULT 'implicit',
    "submission_host" TEXT NOT NULL,
    "submission_port" INTEGER NOT NULL,
    "submission_tls" TEXT NOT NULL DEFAULT 'starttls',
    "server_name" TEXT,
    "ca_pem" TEXT,
    "hosted" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "mail_server_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "country" (
    "id" UUID NOT NULL,
    "programme_id" UUID NOT NULL,
    "code" TEXT NOT NULL,
    "domain" TEXT NOT NULL,
    "mail_server_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "country_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "account" (
    "id" UUID NOT NULL,
    "country_id" UUID NOT NULL,
    "address" TEXT NOT NULL,
    "address_key" TEXT NOT NULL,
    "first_name" TEXT NOT NULL,
    "surname" TEXT NOT NULL,
    "state" "account_state" NOT NULL DEFAULT 'active',
    "mailbox_password_hash" TEXT,
    "quota_mb" INTEGER NOT NULL DEFAULT 1024,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "locale" TEXT,
    "time_zone" TEXT NOT NULL DEFAULT 'Europe/Brussels',
    "theme" TEXT,
    "sign_by_default" BOOLEAN NOT NULL DEFAULT true,
    "encrypt_by_default" BOOLEAN NOT NULL DEFAULT true,
    "signature_text" TEXT NOT NULL DEFAULT '',
    "lock_minutes" INTEGER NOT NULL DEFAULT 15,
    "remote_images" BOOLEAN NOT NULL DEFAULT false,
    "shortcuts" BOOLEAN NOT NULL DEFAULT true,
    "signing_identity_id" UUID,
    "encryption_identity_id" UUID,
    "self_tested_at" TIMESTAMPTZ(3),
    "first_steps_hidden" BOOLEAN NOT NULL DEFAULT false,

    CONSTRAINT "account_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "vault" (
    "account_id" UUID NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "server_key_version" TEXT NOT NULL,
    "passphrase_salt" BYTEA NOT NULL,
    "wrapped_by_passphrase" BYTEA NOT NULL,
    "recovery_salt" BYTEA NOT NULL,
    "wrapped_by_recovery" BYTEA NOT NULL,
    "draft_public_key" BYTEA NOT NULL,
    "sealed_draft_private_key" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "changed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "vault_pkey" PRIMARY KEY ("account_id")
);

-- CreateTable
CREATE TABLE "digital_id" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "certificate" BYTEA NOT NULL,
    "chain" BYTEA[],
    "sealed_private_key" BYTEA NOT NULL,
    "state" "digital_id_state" NOT NULL DEFAULT 'active',
    "can_sign" BOOLEAN NOT NULL,
    "can_encrypt" BOOLEAN NOT NULL,
    "addresses" TEXT[],
    "common_name" TEXT NOT NULL,
    "issuer" TEXT NOT NULL,
    "serial_number" TEXT NOT NULL,
    "key_label" TEXT NOT NULL,
    "sha1" TEXT NOT NULL,
    "sha256" TEXT NOT NULL,
    "not_before" TIMESTAMPTZ(3) NOT NULL,
    "not_after" TIMESTAMPTZ(3) NOT NULL,
    "imported_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "digital_id_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "session" (
    "id" TEXT NOT NULL,
    "account_id" UUID NOT NULL,
    "secret_hash" BYTEA NOT NULL,
    "session_key_version" TEXT NOT NULL,
    "sealed_credential" BYTEA NOT NULL,
    "sealed_master_key" BYTEA,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "keys_until" TIMESTAMPTZ(3),
    "ends_at" TIMESTAMPTZ(3) NOT NULL,
    "network" TEXT NOT NULL,
    "user_agent" TEXT NOT NULL,

    CONSTRAINT "session_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "attempt_window" (
    "bucket" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "attempts" INTEGER NOT NULL,

    CONSTRAINT "attempt_window_pkey" PRIMARY KEY ("bucket","started_at")
);

-- CreateTable
CREATE TABLE "contact" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "address" TEXT NOT NULL,
    "address_key" TEXT NOT NULL,
    "note" TEXT NOT NULL DEFAULT '',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "link_state" "link_state" NOT NULL DEFAULT 'none',
    "link_asked_at" TIMESTAMPTZ(3),
    "link_message_id" TEXT,
    "link_answered_at" TIMESTAMPTZ(3),
    "link_tested_at" TIMESTAMPTZ(3),
    "link_test_message_id" TEXT,
    "link_ready_at" TIMESTAMPTZ(3),

    CONSTRAINT "contact_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "contact_certificate" (
    "id" UUID NOT NULL,
    "contact_id" UUID NOT NULL,
    "certificate" BYTEA NOT NULL,
    "chain" BYTEA[],
    "sha256" TEXT NOT NULL,
    "is_default" BOOLEAN NOT NULL DEFAULT false,
    "capabilities" TEXT[],
    "capabilities_at" TIMESTAMPTZ(3),
    "source" TEXT NOT NULL,
    "added_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "contact_certificate_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "trust_anchor" (
    "id" UUID NOT NULL,
    "account_id" UUID,
    "programme_id" UUID,
    "certificate" BYTEA NOT NULL,
    "subject" TEXT NOT NULL,
    "sha1" TEXT NOT NULL,
    "sha256" TEXT NOT NULL,
    "not_after" TIMESTAMPTZ(3) NOT NULL,
    "state" "anchor_state" NOT NULL DEFAULT 'offered',
    "source" TEXT NOT NULL,
    "offered_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "decided_at" TIMESTAMPTZ(3),

    CONSTRAINT "trust_anchor_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "explicit_trust" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "certificate" BYTEA NOT NULL,
    "subject" TEXT NOT NULL,
    "sha256" TEXT NOT NULL,
    "trusted_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "withdrawn_at" TIMESTAMPTZ(3),

    CONSTRAINT "explicit_trust_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "trust_decision" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "decision" TEXT NOT NULL,
    "sha256" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "compared_by" TEXT,
    "told_by" TEXT NOT NULL DEFAULT '',
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "trust_decision_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "draft" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "sealed" BYTEA NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "nonce" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "saved_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "draft_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "draft_attachment" (
    "id" UUID NOT NULL,
    "draft_id" UUID NOT NULL,
    "sealed_head" BYTEA NOT NULL,
    "size" INTEGER NOT NULL,
    "content_id" UUID NOT NULL,
    "added_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "draft_attachment_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "content_chunk" (
    "content_id" UUID NOT NULL,
    "number" INTEGER NOT NULL,
    "bytes" BYTEA NOT NULL,
    "written_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "content_chunk_pkey" PRIMARY KEY ("content_id","number")
);

-- CreateTable
CREATE TABLE "letter" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "nonce" TEXT NOT NULL,
    "message_id" TEXT NOT NULL,
    "sealed_head" BYTEA NOT NULL,
    "state" "letter_state" NOT NULL DEFAULT 'queued',
    "signed" BOOLEAN NOT NULL,
    "encrypted" BOOLEAN NOT NULL,
    "sent_copy_id" UUID NOT NULL,
    "sent_copy_bytes" INTEGER NOT NULL,
    "filed_at" TIMESTAMPTZ(3),
    "waiting_for_sign_in" BOOLEAN NOT NULL DEFAULT false,
    "due_at" TIMESTAMPTZ(3),
    "claimed_by" TEXT,
    "claimed_until" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "letter_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "envelope" (
    "id" UUID NOT NULL,
    "letter_id" UUID NOT NULL,
    "envelope_id" TEXT NOT NULL,
    "mail_from" TEXT NOT NULL,
    "content_id" UUID NOT NULL,
    "content_bytes" INTEGER NOT NULL,
    "state" "envelope_state" NOT NULL DEFAULT 'queued',
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "next_attempt_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "gives_up_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "envelope_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "envelope_recipient" (
    "envelope_id" UUID NOT NULL,
    "address" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'queued',
    "smtp_code" INTEGER,
    "answer" TEXT,
    "at" TIMESTAMPTZ(3),

    CONSTRAINT "envelope_recipient_pkey" PRIMARY KEY ("envelope_id","address")
);

-- CreateTable
CREATE TABLE "submission_attempt" (
    "id" UUID NOT NULL,
    "envelope_id" UUID NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(3),
    "outcome" TEXT,
    "answer" TEXT,

    CONSTRAINT "submission_attempt_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "message_verdict" (
    "account_id" UUID NOT NULL,
    "folder" TEXT NOT NULL,
    "uid_validity" BIGINT NOT NULL,
    "uid" BIGINT NOT NULL,
    "signature" TEXT NOT NULL,
    "encryption" TEXT NOT NULL,
    "opened_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "message_verdict_pkey" PRIMARY KEY ("account_id","folder","uid_validity","uid")
);

-- CreateTable
CREATE TABLE "authority" (
    "id" UUID NOT NULL,
    "programme_id" UUID NOT NULL,
    "kind" "authority_kind" NOT NULL,
    "certificate" BYTEA NOT NULL,
    "sha256" TEXT NOT NULL,
    "key_salt" BYTEA NOT NULL,
    "sealed_private_key" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "authority_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "issued_certificate" (
    "id" UUID NOT NULL,
    "authority_id" UUID NOT NULL,
    "address" TEXT NOT NULL,
    "usage" TEXT NOT NULL,
    "certificate" BYTEA NOT NULL,
    "serial_number" TEXT NOT NULL,
    "sha256" TEXT NOT NULL,
    "not_before" TIMESTAMPTZ(3) NOT NULL,
    "not_after" TIMESTAMPTZ(3) NOT NULL,
    "issued_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "issued_certificate_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "audit_entry" (
    "id" BIGSERIAL NOT NULL,
    "node" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "account_id" UUID,
    "actor" TEXT NOT NULL,
    "network" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "object" TEXT NOT NULL,
    "result" TEXT NOT NULL,
    "reason" TEXT,
    "anchors" JSONB NOT NULL,
    "previous_hash" BYTEA NOT NULL,
    "hash" BYTEA NOT NULL,

    CONSTRAINT "audit_entry_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "programme_code_key" ON "programme"("code");

-- CreateIndex
CREATE UNIQUE INDEX "mail_server_name_key" ON "mail_server"("name");

-- CreateIndex
CREATE UNIQUE INDEX "country_domain_key" ON "country"("domain");

-- CreateIndex
CREATE UNIQUE INDEX "country_programme_id_code_key" ON "country"("programme_id", "code");

-- CreateIndex
CREATE UNIQUE INDEX "account_address_key_key" ON "account"("address_key");

-- CreateIndex
CREATE UNIQUE INDEX "digital_id_account_id_sha256_key" ON "digital_id"("account_id", "sha256");

-- CreateIndex
CREATE INDEX "session_account_id_idx" ON "session"("account_id");

-- CreateIndex
CREATE INDEX "session_ends_at_idx" ON "session"("ends_at");

-- CreateIndex
CREATE UNIQUE INDEX "contact_account_id_address_key_key" ON "contact"("account_id", "address_key");

-- CreateIndex
CREATE UNIQUE INDEX "contact_certificate_contact_id_sha256_key" ON "contact_certificate"("contact_id", "sha256");

-- CreateIndex
CREATE UNIQUE INDEX "trust_anchor_account_id_sha256_key" ON "trust_anchor"("account_id", "sha256");

-- CreateIndex
CREATE UNIQUE INDEX "explicit_trust_account_id_sha256_key" ON "explicit_trust"("account_id", "sha256");

-- CreateIndex
CREATE INDEX "trust_decision_account_id_at_idx" ON "trust_decision"("account_id", "at");

-- CreateIndex
CREATE UNIQUE INDEX "draft_nonce_key" ON "draft"("nonce");

-- CreateIndex
CREATE INDEX "draft_account_id_saved_at_idx" ON "draft"("account_id", "saved_at");

-- CreateIndex
CREATE UNIQUE INDEX "letter_message_id_key" ON "letter"("message_id");

-- CreateIndex
CREATE INDEX "letter_account_id_created_at_idx" ON "letter"("account_id", "created_at");

-- CreateIndex
CREATE UNIQUE INDEX "letter_account_id_nonce_key" ON "letter"("account_id", "nonce");

-- CreateIndex
CREATE UNIQUE INDEX "envelope_envelope_id_key" ON "envelope"("envelope_id");

-- CreateIndex
CREATE INDEX "envelope_letter_id_idx" ON "envelope"("letter_id");

-- CreateIndex
CREATE INDEX "submission_attempt_envelope_id_idx" ON "submission_attempt"("envelope_id");

-- CreateIndex
CREATE UNIQUE INDEX "authority_sha256_key" ON "authority"("sha256");

-- CreateIndex
CREATE UNIQUE INDEX "issued_certificate_sha256_key" ON "issued_certificate"("sha256");

-- CreateIndex
CREATE UNIQUE INDEX "issued_certificate_authority_id_serial_number_key" ON "issued_certificate"("authority_id", "serial_number");

-- CreateIndex
CREATE INDEX "audit_entry_account_id_at_idx" ON "audit_entry"("account_id", "at");

-- CreateIndex
CREATE UNIQUE INDEX "audit_entry_node_number_key" ON "audit_entry"("node", "number");

-- AddForeignKey
ALTER TABLE "country" ADD CONSTRAINT "country_programme_id_fkey" FOREIGN KEY ("programme_id") REFERENCES "programme"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "country" ADD CONSTRAINT "country_mail_server_id_fkey" FOREIGN KEY ("mail_server_id") REFERENCES "mail_server"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "account" ADD CONSTRAINT "account_country_id_fkey" FOREIGN KEY ("country_id") REFERENCES "country"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "vault" ADD CONSTRAINT "vault_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "digital_id" ADD CONSTRAINT "digital_id_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "session" ADD CONSTRAINT "session_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "contact" ADD CONSTRAINT "contact_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "contact_certificate" ADD CONSTRAINT "contact_certificate_contact_id_fkey" FOREIGN KEY ("contact_id") REFERENCES "contact"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "trust_anchor" ADD CONSTRAINT "trust_anchor_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "trust_anchor" ADD CONSTRAINT "trust_anchor_programme_id_fkey" FOREIGN KEY ("programme_id") REFERENCES "programme"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "explicit_trust" ADD CONSTRAINT "explicit_trust_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "trust_decision" ADD CONSTRAINT "trust_decision_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "draft" ADD CONSTRAINT "draft_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "draft_attachment" ADD CONSTRAINT "draft_attachment_draft_id_fkey" FOREIGN KEY ("draft_id") REFERENCES "draft"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "letter" ADD CONSTRAINT "letter_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "envelope" ADD CONSTRAINT "envelope_letter_id_fkey" FOREIGN KEY ("letter_id") REFERENCES "letter"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "envelope_recipient" ADD CONSTRAINT "envelope_recipient_envelope_id_fkey" FOREIGN KEY ("envelope_id") REFERENCES "envelope"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "submission_attempt" ADD CONSTRAINT "submission_attempt_envelope_id_fkey" FOREIGN KEY ("envelope_id") REFERENCES "envelope"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "message_verdict" ADD CONSTRAINT "message_verdict_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "authority" ADD CONSTRAINT "authority_programme_id_fkey" FOREIGN KEY ("programme_id") REFERENCES "programme"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "issued_certificate" ADD CONSTRAINT "issued_certificate_authority_id_fkey" FOREIGN KEY ("authority_id") REFERENCES "authority"("id") ON DELETE RESTRICT ON UPDATE CASCADE;



-- What Prisma's schema language cannot say.

-- One default Digital ID for each contact, also when two windows set it at once.
CREATE UNIQUE INDEX "contact_certificate_one_default" ON "contact_certificate"("contact_id") WHERE "is_default";

-- A programme's anchors have no account; null is not equal to null in a unique key.
CREATE UNIQUE INDEX "trust_anchor_of_programme" ON "trust_anchor"("programme_id", "sha256") WHERE "account_id" IS NULL;

-- What is waiting to be submitted or filed.
CREATE INDEX "letter_due" ON "letter"("due_at") WHERE "due_at" IS NOT NULL;

-- The audit trail is append-only for everybody who comes through SQL with the application's rights.
CREATE FUNCTION audit_entry_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit entries are append-only';
END $$;
CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE ON "audit_entry"
  FOR EACH ROW EXECUTE FUNCTION audit_entry_is_append_only();
CREATE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON "audit_entry"
  FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_is_append_only();

-- The hosted mail servers (Dovecot, Postfix) see this and nothing else (T01).
CREATE VIEW "hosted_mailbox" AS
  SELECT a."address_key" AS "address", a."mailbox_password_hash" AS "password_hash", a."quota_mb", (a."state" = 'active') AS "active"
  FROM "account" a JOIN "country" c ON c."id" = a."country_id" JOIN "mail_server" s ON s."id" = c."mail_server_id"
  WHERE s."hosted" AND a."mailbox_password_hash" IS NOT NULL AND a."state" <> 'removed';
CREATE VIEW "hosted_domain" AS
  SELECT c."domain" FROM "country" c JOIN "mail_server" s ON s."id" = c."mail_server_id" WHERE s."hosted";
DO $$ BEGIN
  CREATE ROLE sealpost_mail NOLOGIN;
EXCEPTION WHEN duplicate_object OR insufficient_privilege OR unique_violation THEN NULL;
END $$;
DO $$ BEGIN
  GRANT SELECT ON "hosted_mailbox", "hosted_domain" TO sealpost_mail;
EXCEPTION WHEN undefined_object THEN RAISE NOTICE 'role sealpost_mail is missing: create it and grant it select on hosted_mailbox and hosted_domain';
END $$;
