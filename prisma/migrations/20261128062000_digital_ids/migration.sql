ALTER TABLE "authority" ALTER COLUMN "key_salt" DROP NOT NULL;
ALTER TABLE "authority" ALTER COLUMN "sealed_private_key" DROP NOT NULL;
ALTER TABLE "authority" ADD COLUMN "chain" BYTEA[];
UPDATE "authority" SET "chain" = ARRAY[]::BYTEA[];
ALTER TABLE "authority" ADD COLUMN "retired_at" TIMESTAMPTZ(3);

CREATE TABLE "authority_request" (
    "id" UUID NOT NULL,
    "programme_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "request" BYTEA NOT NULL,
    "public_key" BYTEA NOT NULL,
    "key_salt" BYTEA NOT NULL,
    "sealed_private_key" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "authority_request_pkey" PRIMARY KEY ("id")
);
ALTER TABLE "authority_request" ADD CONSTRAINT "authority_request_programme_id_fkey" FOREIGN KEY ("programme_id") REFERENCES "programme"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "issuance" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "phase" "programme_phase" NOT NULL,
    "issued_at" TIMESTAMPTZ(3) NOT NULL,
    "ends_at" TIMESTAMPTZ(3) NOT NULL,
    "closed_at" TIMESTAMPTZ(3),
    "kept_until" TIMESTAMPTZ(3) NOT NULL,
    "requested_at" TIMESTAMPTZ(3),
    "released_at" TIMESTAMPTZ(3),
    "released_by_id" UUID,
    "installed_at" TIMESTAMPTZ(3),

    CONSTRAINT "issuance_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "issuance_account_id_idx" ON "issuance"("account_id");
ALTER TABLE "issuance" ADD CONSTRAINT "issuance_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;
-- At most one is open (T11): whoever issues at the same moment, on whatever node, is refused here.
CREATE UNIQUE INDEX "issuance_open_key" ON "issuance"("account_id") WHERE "closed_at" IS NULL;

-- What was issued in the test phase ends with the first one, whatever replaces it (T11).
CREATE FUNCTION issuance_keeps_test_end() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE first_end TIMESTAMPTZ(3);
BEGIN
  IF NEW."phase" = 'test' THEN
    SELECT min("ends_at") INTO first_end FROM "issuance" WHERE "account_id" = NEW."account_id" AND "phase" = 'test';
    IF first_end IS NOT NULL AND NEW."ends_at" > first_end THEN
      RAISE EXCEPTION 'a replacement ends with the first test Digital ID' USING ERRCODE = 'check_violation';
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER "issuance_test_end" BEFORE INSERT ON "issuance" FOR EACH ROW EXECUTE FUNCTION issuance_keeps_test_end();

ALTER TABLE "issued_certificate" ADD COLUMN "issuance_id" UUID;
CREATE INDEX "issued_certificate_issuance_id_idx" ON "issued_certificate"("issuance_id");
ALTER TABLE "issued_certificate" ADD CONSTRAINT "issued_certificate_issuance_id_fkey" FOREIGN KEY ("issuance_id") REFERENCES "issuance"("id") ON DELETE SET NULL ON UPDATE CASCADE;

CREATE TABLE "kept_pfx" (
    "issued_id" UUID NOT NULL,
    "issuance_id" UUID NOT NULL,
    "server_key_version" TEXT NOT NULL,
    "sealed" BYTEA NOT NULL,

    CONSTRAINT "kept_pfx_pkey" PRIMARY KEY ("issued_id")
);
CREATE INDEX "kept_pfx_issuance_id_idx" ON "kept_pfx"("issuance_id");
ALTER TABLE "kept_pfx" ADD CONSTRAINT "kept_pfx_issued_id_fkey" FOREIGN KEY ("issued_id") REFERENCES "issued_certificate"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "kept_pfx" ADD CONSTRAINT "kept_pfx_issuance_id_fkey" FOREIGN KEY ("issuance_id") REFERENCES "issuance"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "pfx_password_share" (
    "issuance_id" UUID NOT NULL,
    "administrator_id" UUID NOT NULL,
    "sealed" BYTEA NOT NULL,

    CONSTRAINT "pfx_password_share_pkey" PRIMARY KEY ("issuance_id", "administrator_id")
);
ALTER TABLE "pfx_password_share" ADD CONSTRAINT "pfx_password_share_issuance_id_fkey" FOREIGN KEY ("issuance_id") REFERENCES "issuance"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "pfx_password_share" ADD CONSTRAINT "pfx_password_share_administrator_id_fkey" FOREIGN KEY ("administrator_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "issuing_job" (
    "id" UUID NOT NULL,
    "programme_id" UUID NOT NULL,
    "started_by" TEXT NOT NULL,
    "replaces" "revocation_reason",
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "beat_at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),

    CONSTRAINT "issuing_job_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "issuing_job_programme_id_started_at_idx" ON "issuing_job"("programme_id", "started_at");
ALTER TABLE "issuing_job" ADD CONSTRAINT "issuing_job_programme_id_fkey" FOREIGN KEY ("programme_id") REFERENCES "programme"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "issuing_task" (
    "job_id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "position" INTEGER NOT NULL,
    "outcome" TEXT,

    CONSTRAINT "issuing_task_pkey" PRIMARY KEY ("job_id", "account_id")
);
ALTER TABLE "issuing_task" ADD CONSTRAINT "issuing_task_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "issuing_job"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "issuing_task" ADD CONSTRAINT "issuing_task_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- What was issued before: the newest certificate of an account is its open issuance, and it is in its holder's hands.
INSERT INTO "issuance" ("id", "account_id", "phase", "issued_at", "ends_at", "closed_at", "kept_until", "installed_at")
  SELECT gen_random_uuid(), c."account_id", p."phase", c."issued_at", c."not_after", NULL, c."issued_at", c."issued_at"
  FROM (SELECT DISTINCT ON ("account_id") * FROM "issued_certificate" WHERE "account_id" IS NOT NULL ORDER BY "account_id", "issued_at" DESC, "not_after" DESC) c
  JOIN "account" a ON a."id" = c."account_id" JOIN "country" k ON k."id" = a."country_id" JOIN "programme" p ON p."id" = k."programme_id";
UPDATE "issued_certificate" c SET "issuance_id" = i."id" FROM "issuance" i WHERE i."account_id" = c."account_id" AND i."issued_at" = c."issued_at";
