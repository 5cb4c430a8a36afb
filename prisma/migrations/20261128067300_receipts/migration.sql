-- Receipts of readers: asked for by a letter, and what a signed one has to say to be about it.
ALTER TABLE "letter" ADD COLUMN "receipt_asked" BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE "letter" ADD COLUMN "receipt_content_id" BYTEA;
ALTER TABLE "letter" ADD COLUMN "receipt_expected" JSONB;
CREATE INDEX "letter_receipt_content_id_idx" ON "letter"("receipt_content_id");
ALTER TABLE "recipient_event" ADD COLUMN "signature" TEXT;
