-- Reports about sent letters: what they say of each recipient, and how far the senders' inboxes were looked through.
ALTER TABLE "letter" ADD COLUMN "reports_seen_at" TIMESTAMPTZ(3);
ALTER TABLE "envelope" ADD COLUMN "content_sha256" TEXT;
ALTER TABLE "envelope" ADD COLUMN "reports_asked" BOOLEAN;

CREATE TYPE "letter_report_kind" AS ENUM ('delivery', 'receipt');
CREATE TABLE "letter_report" (
    "id" UUID NOT NULL,
    "letter_id" UUID NOT NULL,
    "kind" "letter_report_kind" NOT NULL,
    "sha256" TEXT NOT NULL,
    "sealed" BYTEA NOT NULL,
    "cut" BOOLEAN NOT NULL DEFAULT false,
    "handed_in_by" TEXT NOT NULL,
    "arrived_at" TIMESTAMPTZ(3) NOT NULL,
    "recorded_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "letter_report_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "letter_report_letter_id_sha256_key" ON "letter_report"("letter_id", "sha256");
ALTER TABLE "letter_report" ADD CONSTRAINT "letter_report_letter_id_fkey" FOREIGN KEY ("letter_id") REFERENCES "letter"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TYPE "report_proof" AS ENUM ('envelope', 'hint');
CREATE TABLE "recipient_event" (
    "id" UUID NOT NULL,
    "report_id" UUID NOT NULL,
    "envelope_id" UUID NOT NULL,
    "address" TEXT NOT NULL,
    "proof" "report_proof" NOT NULL,
    "action" TEXT NOT NULL,
    "status" TEXT,
    "reporting_mta" TEXT,
    "remote_mta" TEXT,
    "answer" TEXT,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "will_retry_until" TIMESTAMPTZ(3),
    CONSTRAINT "recipient_event_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "recipient_event_envelope_id_address_idx" ON "recipient_event"("envelope_id", "address");
ALTER TABLE "recipient_event" ADD CONSTRAINT "recipient_event_report_id_fkey" FOREIGN KEY ("report_id") REFERENCES "letter_report"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "recipient_event" ADD CONSTRAINT "recipient_event_envelope_id_address_fkey" FOREIGN KEY ("envelope_id", "address") REFERENCES "envelope_recipient"("envelope_id", "address") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "report_look" (
    "account_id" UUID NOT NULL,
    "uid_validity" BIGINT,
    "last_uid" BIGINT NOT NULL DEFAULT 0,
    "due_at" TIMESTAMPTZ(3),
    "claimed_until" TIMESTAMPTZ(3),
    "looked_at" TIMESTAMPTZ(3),
    "failure" TEXT,
    CONSTRAINT "report_look_pkey" PRIMARY KEY ("account_id")
);
CREATE INDEX "report_look_due_at_idx" ON "report_look"("due_at");
ALTER TABLE "report_look" ADD CONSTRAINT "report_look_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;
