CREATE TYPE "account_role" AS ENUM ('clerk', 'country', 'central');
ALTER TABLE "account" ADD COLUMN "role" "account_role" NOT NULL DEFAULT 'clerk';

-- Until when a session may administrate: the second factor was shown, and something was done since.
ALTER TABLE "session" ADD COLUMN "administration_until" TIMESTAMPTZ(3);

CREATE TABLE "totp_factor" (
    "account_id" UUID NOT NULL,
    "sealed_secret" BYTEA NOT NULL,
    "server_key_version" TEXT NOT NULL,
    "begun_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "confirmed_at" TIMESTAMPTZ(3),
    "last_step" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "totp_factor_pkey" PRIMARY KEY ("account_id")
);
ALTER TABLE "totp_factor" ADD CONSTRAINT "totp_factor_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TYPE "trust_request_state" AS ENUM ('open', 'accepted', 'declined');
CREATE TABLE "trust_request" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "programme_id" UUID NOT NULL,
    "certificate" BYTEA NOT NULL,
    "subject" TEXT NOT NULL,
    "sha1" TEXT NOT NULL,
    "sha256" TEXT NOT NULL,
    "note" TEXT NOT NULL DEFAULT '',
    "state" "trust_request_state" NOT NULL DEFAULT 'open',
    "asked_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "decided_at" TIMESTAMPTZ(3),
    "answer" TEXT NOT NULL DEFAULT '',

    CONSTRAINT "trust_request_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "trust_request_account_id_sha256_key" ON "trust_request"("account_id", "sha256");
CREATE INDEX "trust_request_programme_id_state_idx" ON "trust_request"("programme_id", "state");
ALTER TABLE "trust_request" ADD CONSTRAINT "trust_request_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "trust_request" ADD CONSTRAINT "trust_request_programme_id_fkey" FOREIGN KEY ("programme_id") REFERENCES "programme"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Those of the settings come and go with them; an administrator's stay until taken away.
ALTER TABLE "revocation_point" ADD COLUMN "by_settings" BOOLEAN NOT NULL DEFAULT true;
