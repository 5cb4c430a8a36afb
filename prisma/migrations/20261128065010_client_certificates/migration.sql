-- Sign-in with the browser's certificate (T22).
CREATE TYPE "client_certificate_policy" AS ENUM ('off', 'offered', 'required');
ALTER TABLE "programme" ADD COLUMN "client_certificates" "client_certificate_policy" NOT NULL DEFAULT 'off';
ALTER TABLE "programme" ADD COLUMN "client_certificates_from" TIMESTAMPTZ(3);
ALTER TABLE "programme" ADD CONSTRAINT "programme_client_certificates_from" CHECK ("client_certificates" <> 'required' OR "client_certificates_from" IS NOT NULL);
ALTER TABLE "account" ADD COLUMN "certificate_only" BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE "account" ADD COLUMN "certificate_seen_at" TIMESTAMPTZ(3);
ALTER TABLE "account" ADD COLUMN "certificate_waived_until" TIMESTAMPTZ(3);
ALTER TABLE "session" ADD COLUMN "certificate_sha256" TEXT;
