-- The files of a draft go with it into the queued letter, and come back when that is taken back.
ALTER TABLE "draft_attachment" ALTER COLUMN "draft_id" DROP NOT NULL;
ALTER TABLE "draft_attachment" ADD COLUMN "letter_id" UUID;
ALTER TABLE "draft_attachment" ADD CONSTRAINT "draft_attachment_letter_id_fkey"
    FOREIGN KEY ("letter_id") REFERENCES "letter"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "draft_attachment" ADD CONSTRAINT "draft_attachment_belongs"
    CHECK (num_nonnulls("draft_id", "letter_id") = 1);
CREATE INDEX "draft_attachment_draft_id_idx" ON "draft_attachment"("draft_id");
CREATE INDEX "draft_attachment_letter_id_idx" ON "draft_attachment"("letter_id");
