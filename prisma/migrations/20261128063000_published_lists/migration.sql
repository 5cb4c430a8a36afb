ALTER TYPE "revocation_reason" ADD VALUE 'certificateHold';

ALTER TABLE "authority" ADD COLUMN "revoked_at" TIMESTAMPTZ(3);
ALTER TABLE "authority" ADD COLUMN "revocation_reason" "revocation_reason";
ALTER TABLE "authority" ADD COLUMN "list_due_at" TIMESTAMPTZ(3);
ALTER TABLE "authority" ADD COLUMN "list_claimed_until" TIMESTAMPTZ(3);

ALTER TABLE "issued_certificate" ADD COLUMN "invalid_since" TIMESTAMPTZ(3);

CREATE TABLE "status_signer" (
    "id" UUID NOT NULL,
    "authority_id" UUID NOT NULL,
    "certificate" BYTEA NOT NULL,
    "sha256" TEXT NOT NULL,
    "sealed_private_key" BYTEA NOT NULL,
    "server_key_version" TEXT NOT NULL,
    "not_before" TIMESTAMPTZ(3) NOT NULL,
    "not_after" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "status_signer_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "status_signer_sha256_key" ON "status_signer"("sha256");
CREATE INDEX "status_signer_authority_id_idx" ON "status_signer"("authority_id");
ALTER TABLE "status_signer" ADD CONSTRAINT "status_signer_authority_id_fkey" FOREIGN KEY ("authority_id") REFERENCES "authority"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

CREATE TYPE "published_list_kind" AS ENUM ('direct', 'indirect');
CREATE TABLE "published_list" (
    "id" UUID NOT NULL,
    "authority_id" UUID NOT NULL,
    "kind" "published_list_kind" NOT NULL,
    "number" BIGINT NOT NULL,
    "sha256" TEXT NOT NULL,
    "bytes" BYTEA NOT NULL,
    "this_update" TIMESTAMPTZ(3) NOT NULL,
    "next_update" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "published_list_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "published_list_sha256_key" ON "published_list"("sha256");
-- Numbers of one authority's lists only grow, whoever signs at the same moment (RFC 5280 section 5.2.3).
CREATE UNIQUE INDEX "published_list_authority_id_kind_number_key" ON "published_list"("authority_id", "kind", "number");
ALTER TABLE "published_list" ADD CONSTRAINT "published_list_authority_id_fkey" FOREIGN KEY ("authority_id") REFERENCES "authority"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
