-- AlterTable
ALTER TABLE "contact" ADD COLUMN "shows_protected_subject" BOOLEAN;

-- AlterTable
ALTER TABLE "message_verdict" ADD COLUMN "sealed_subject" BYTEA,
ALTER COLUMN "signature" DROP NOT NULL,
ALTER COLUMN "encryption" DROP NOT NULL;
