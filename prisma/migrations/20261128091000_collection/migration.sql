-- POP3 (T23): where hosted mailboxes answer classic clients, and what is collected from countries' POP3-only servers.
-- docs/decisions/029 says in which order a message is written.
ALTER TABLE "mail_server" ADD COLUMN "pop3_port" INTEGER;
UPDATE "mail_server" SET "pop3_port" = 995 WHERE "hosted";

CREATE TABLE "pop3_server" (
    "id" UUID NOT NULL,
    "country_id" UUID NOT NULL,
    "host" TEXT NOT NULL,
    "port" INTEGER NOT NULL,
    "tls" TEXT NOT NULL,
    "server_name" TEXT,
    "ca_pem" TEXT,
    "changed_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "pop3_server_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "pop3_server_country_id_key" ON "pop3_server"("country_id");
ALTER TABLE "pop3_server" ADD CONSTRAINT "pop3_server_country_id_fkey" FOREIGN KEY ("country_id") REFERENCES "country"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TYPE "collection_state" AS ENUM ('on', 'stopped', 'off');
CREATE TYPE "collection_leave" AS ENUM ('delete', 'days', 'keep');
CREATE TABLE "collection" (
    "account_id" UUID NOT NULL,
    "server_id" UUID NOT NULL,
    "state" "collection_state" NOT NULL,
    "login" TEXT NOT NULL,
    "sealed_password" BYTEA,
    "server_key_version" TEXT NOT NULL,
    "leave" "collection_leave" NOT NULL,
    "leave_days" INTEGER NOT NULL DEFAULT 14,
    "due_at" TIMESTAMPTZ(3) NOT NULL,
    "claim" UUID,
    "claimed_until" TIMESTAMPTZ(3),
    "ended_at" TIMESTAMPTZ(3),
    "succeeded_at" TIMESTAMPTZ(3),
    "outcome" TEXT,
    "failures" INTEGER NOT NULL DEFAULT 0,
    "refusals" INTEGER NOT NULL DEFAULT 0,
    "last_count" INTEGER NOT NULL DEFAULT 0,
    "total_count" INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT "collection_pkey" PRIMARY KEY ("account_id"),
    -- Whoever switched it off has no password here any more.
    CONSTRAINT "collection_password" CHECK (("state" = 'on') = ("sealed_password" IS NOT NULL))
);
CREATE INDEX "collection_due_at_idx" ON "collection"("due_at") WHERE "state" = 'on';
CREATE INDEX "collection_server_id_idx" ON "collection"("server_id");
ALTER TABLE "collection" ADD CONSTRAINT "collection_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "collection" ADD CONSTRAINT "collection_server_id_fkey" FOREIGN KEY ("server_id") REFERENCES "pop3_server"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TYPE "collected_state" AS ENUM ('appending', 'stored', 'refused');
CREATE TABLE "collected_message" (
    "id" BIGSERIAL NOT NULL,
    "account_id" UUID NOT NULL,
    "state" "collected_state" NOT NULL,
    "uidl" TEXT NOT NULL,
    "listed_octets" BIGINT NOT NULL,
    "sha256" TEXT NOT NULL,
    "octets" BIGINT NOT NULL,
    "uid_validity" BIGINT,
    "uid_from" BIGINT,
    "stored_at" TIMESTAMPTZ(3),
    "deleted_at" TIMESTAMPTZ(3),
    "seen_at" TIMESTAMPTZ(3) NOT NULL,
    "retired" BOOLEAN NOT NULL DEFAULT false,
    "reason" TEXT,
    CONSTRAINT "collected_message_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "collected_message_account_id_uidl_idx" ON "collected_message"("account_id", "uidl");
CREATE INDEX "collected_message_account_id_sha256_idx" ON "collected_message"("account_id", "sha256");
-- One message at a time is on its way into a mailbox, whatever nodes believe.
CREATE UNIQUE INDEX "collected_message_appending_key" ON "collected_message"("account_id") WHERE "state" = 'appending';
ALTER TABLE "collected_message" ADD CONSTRAINT "collected_message_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "collection"("account_id") ON DELETE CASCADE ON UPDATE CASCADE;
