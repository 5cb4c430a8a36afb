-- The pages of the trail go by time and then by id, each filter along an index of its own: millions of rows stay quick.
CREATE INDEX "audit_entry_at_id_idx" ON "audit_entry"("at", "id");
DROP INDEX "audit_entry_account_id_at_idx";
CREATE INDEX "audit_entry_account_id_at_id_idx" ON "audit_entry"("account_id", "at", "id");
CREATE INDEX "audit_entry_actor_idx" ON "audit_entry"(lower("actor"), "at", "id");
CREATE INDEX "audit_entry_action_at_id_idx" ON "audit_entry"("action", "at", "id");
-- An object may be an address of any length; an index takes 2700 bytes.
CREATE INDEX "audit_entry_object_idx" ON "audit_entry"(left("object", 400), "at", "id");
-- What was refused or failed is rare; what was done is found by time.
CREATE INDEX "audit_entry_result_idx" ON "audit_entry"("result", "at", "id") WHERE "result" <> 'done';
-- Hashes that other chains name are looked up one by one.
CREATE INDEX "audit_entry_hash_idx" ON "audit_entry"("hash");

-- Verifications of the trail, and the ends of the chains that each of them saw.
CREATE TABLE "audit_check" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "alive_at" TIMESTAMPTZ(3) NOT NULL,
    "finished_at" TIMESTAMPTZ(3),
    "entries" INTEGER NOT NULL DEFAULT 0,
    "expected" INTEGER NOT NULL DEFAULT 0,
    "whole" BOOLEAN,
    "problem_count" INTEGER NOT NULL DEFAULT 0,
    "problems" TEXT[] NOT NULL DEFAULT ARRAY[]::TEXT[],
    "heads" JSONB NOT NULL DEFAULT '[]',

    CONSTRAINT "audit_check_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "audit_check_started_at_idx" ON "audit_check"("started_at");
ALTER TABLE "audit_check" ADD CONSTRAINT "audit_check_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;
-- One at a time, whichever node does it.
CREATE UNIQUE INDEX "audit_check_running" ON "audit_check"((true)) WHERE "finished_at" IS NULL;
