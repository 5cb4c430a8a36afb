-- Signs the evidence of sent messages in the name of a programme; certified by its issuing authority.
CREATE TABLE "evidence_signer" (
    "id" UUID NOT NULL,
    "authority_id" UUID NOT NULL,
    "certificate" BYTEA NOT NULL,
    "sha256" TEXT NOT NULL,
    "sealed_private_key" BYTEA NOT NULL,
    "server_key_version" TEXT NOT NULL,
    "not_before" TIMESTAMPTZ(3) NOT NULL,
    "not_after" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "evidence_signer_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "evidence_signer_sha256_key" ON "evidence_signer"("sha256");
CREATE INDEX "evidence_signer_authority_id_idx" ON "evidence_signer"("authority_id");
ALTER TABLE "evidence_signer" ADD CONSTRAINT "evidence_signer_authority_id_fkey" FOREIGN KEY ("authority_id") REFERENCES "authority"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
