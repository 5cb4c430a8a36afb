-- Virus scanning in the webmail (T30): what the programme says when the scanner does not answer.
CREATE TYPE "scanner_policy" AS ENUM ('refuse', 'warn');
ALTER TABLE "programme" ADD COLUMN "scanner_policy" "scanner_policy" NOT NULL DEFAULT 'refuse';

-- What a scanner, with the signatures that it had, said about a content. Of the content there is its SHA-256 only.
CREATE TABLE "scan_result" (
    "sha256" TEXT NOT NULL,
    "scanner" TEXT NOT NULL,
    "finding" TEXT,
    "scanned_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "scan_result_pkey" PRIMARY KEY ("sha256", "scanner")
);
CREATE INDEX "scan_result_scanned_at_idx" ON "scan_result"("scanned_at");

-- Which content an attachment of somebody's message is, so that the page of the message can say what is known. It grants nothing.
CREATE TABLE "attachment_scan" (
    "account_id" UUID NOT NULL,
    "attachment_key" TEXT NOT NULL,
    "sha256" TEXT NOT NULL,
    "seen_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "attachment_scan_pkey" PRIMARY KEY ("account_id", "attachment_key")
);
CREATE INDEX "attachment_scan_seen_at_idx" ON "attachment_scan"("seen_at");
ALTER TABLE "attachment_scan" ADD CONSTRAINT "attachment_scan_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- An infected attachment that its holder asks for: asked once, decided once by an administrator, saved once.
CREATE TABLE "attachment_release" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "sha256" TEXT NOT NULL,
    "finding" TEXT NOT NULL,
    "size" INTEGER NOT NULL,
    "sender" TEXT NOT NULL,
    "arrived_at" TIMESTAMPTZ(3) NOT NULL,
    "message_key" TEXT NOT NULL,
    "asked_at" TIMESTAMPTZ(3) NOT NULL,
    "decided_at" TIMESTAMPTZ(3),
    "decided_by" TEXT,
    "released" BOOLEAN,
    "used_at" TIMESTAMPTZ(3),

    CONSTRAINT "attachment_release_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "attachment_release_decided" CHECK (("decided_at" IS NULL) = ("released" IS NULL) AND ("decided_at" IS NULL) = ("decided_by" IS NULL)),
    CONSTRAINT "attachment_release_used" CHECK ("used_at" IS NULL OR "released" IS TRUE)
);
CREATE UNIQUE INDEX "attachment_release_account_id_sha256_key" ON "attachment_release"("account_id", "sha256");
CREATE INDEX "attachment_release_open_idx" ON "attachment_release"("asked_at") WHERE "decided_at" IS NULL;
ALTER TABLE "attachment_release" ADD CONSTRAINT "attachment_release_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;
