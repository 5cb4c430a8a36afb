-- The certificate that a session began with is judged again while the session lasts: an authority elsewhere may have taken it back (T22).
ALTER TABLE "session" ADD COLUMN "certificate" BYTEA;
ALTER TABLE "session" ADD COLUMN "certificate_checked_at" TIMESTAMPTZ(3);
CREATE INDEX "session_certificate_checked_at_idx" ON "session"("certificate_checked_at") WHERE "certificate" IS NOT NULL;
