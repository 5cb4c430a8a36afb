-- Whether a sender may encrypt to somebody whose revocation could not be checked.
CREATE TYPE "revocation_policy" AS ENUM ('note', 'require');
ALTER TABLE "programme" ADD COLUMN "revocation_policy" "revocation_policy" NOT NULL DEFAULT 'note';

-- A root that was confirmed for the mail of one domain only.
ALTER TABLE "trust_anchor" ADD COLUMN "only_domain" TEXT;

CREATE TYPE "revocation_point_kind" AS ENUM ('list', 'responder');

CREATE TABLE "revocation_point" (
    "id" UUID NOT NULL,
    "kind" "revocation_point_kind" NOT NULL,
    "url" TEXT NOT NULL,
    "added_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "due_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "claimed_until" TIMESTAMPTZ(3),
    "fetched_at" TIMESTAMPTZ(3),
    "failed_at" TIMESTAMPTZ(3),
    "failure" TEXT,

    CONSTRAINT "revocation_point_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "revocation_point_kind_url_key" ON "revocation_point"("kind", "url");
CREATE INDEX "revocation_point_due_at_idx" ON "revocation_point"("due_at");

CREATE TABLE "revocation_list" (
    "id" UUID NOT NULL,
    "sha256" TEXT NOT NULL,
    "issuer" TEXT NOT NULL,
    "bytes" BYTEA NOT NULL,
    "this_update" TIMESTAMPTZ(3) NOT NULL,
    "next_update" TIMESTAMPTZ(3),
    "point_id" UUID,
    "account_id" UUID,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "superseded_at" TIMESTAMPTZ(3),

    CONSTRAINT "revocation_list_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "revocation_list_account_id_sha256_key" ON "revocation_list"("account_id", "sha256") NULLS NOT DISTINCT;
CREATE INDEX "revocation_list_sha256_idx" ON "revocation_list"("sha256");
ALTER TABLE "revocation_list" ADD CONSTRAINT "revocation_list_point_id_fkey" FOREIGN KEY ("point_id") REFERENCES "revocation_point"("id") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "revocation_list" ADD CONSTRAINT "revocation_list_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "ocsp_answer" (
    "certificate_sha256" TEXT NOT NULL,
    "sha256" TEXT NOT NULL,
    "bytes" BYTEA NOT NULL,
    "next_update" TIMESTAMPTZ(3) NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "ocsp_answer_pkey" PRIMARY KEY ("certificate_sha256", "sha256")
);
CREATE INDEX "ocsp_answer_sha256_idx" ON "ocsp_answer"("sha256");

-- What a signature was judged by when its message was opened: kept, so that it can be judged the same way later.
CREATE TABLE "signature_evidence" (
    "account_id" UUID NOT NULL,
    "message_key" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "evidence" TEXT[],
    "chain" BYTEA[],
    "judged_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "signature_evidence_pkey" PRIMARY KEY ("account_id", "message_key")
);
CREATE INDEX "signature_evidence_evidence_idx" ON "signature_evidence" USING GIN ("evidence");
ALTER TABLE "signature_evidence" ADD CONSTRAINT "signature_evidence_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;
