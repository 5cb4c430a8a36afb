-- Read from the certificate by housekeeping: SQL does not parse X.509.
ALTER TABLE "contact_certificate" ADD COLUMN "not_after" TIMESTAMPTZ(3);

-- What housekeeping has still to read
CREATE INDEX "contact_certificate_end_unread" ON "contact_certificate"("id") WHERE "not_after" IS NULL;

-- CreateTable
CREATE TABLE "end_acknowledgement" (
    "id" UUID NOT NULL,
    "digital_id_id" UUID,
    "contact_certificate_id" UUID,
    "trust_anchor_id" UUID,
    "stage" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "end_acknowledgement_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "end_acknowledgement_of_one" CHECK (num_nonnulls("digital_id_id", "contact_certificate_id", "trust_anchor_id") = 1),
    CONSTRAINT "end_acknowledgement_stage" CHECK ("stage" IN (14, 7, 1, 0))
);

-- CreateIndex
CREATE UNIQUE INDEX "end_acknowledgement_digital_id_id_key" ON "end_acknowledgement"("digital_id_id");

-- CreateIndex
CREATE UNIQUE INDEX "end_acknowledgement_contact_certificate_id_key" ON "end_acknowledgement"("contact_certificate_id");

-- CreateIndex
CREATE UNIQUE INDEX "end_acknowledgement_trust_anchor_id_key" ON "end_acknowledgement"("trust_anchor_id");

-- AddForeignKey
ALTER TABLE "end_acknowledgement" ADD CONSTRAINT "end_acknowledgement_digital_id_id_fkey" FOREIGN KEY ("digital_id_id") REFERENCES "digital_id"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "end_acknowledgement" ADD CONSTRAINT "end_acknowledgement_contact_certificate_id_fkey" FOREIGN KEY ("contact_certificate_id") REFERENCES "contact_certificate"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "end_acknowledgement" ADD CONSTRAINT "end_acknowledgement_trust_anchor_id_fkey" FOREIGN KEY ("trust_anchor_id") REFERENCES "trust_anchor"("id") ON DELETE CASCADE ON UPDATE CASCADE;
