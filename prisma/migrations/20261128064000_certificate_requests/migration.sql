-- Requests to an outside authority (T21): the key is made here and waits, sealed, for its certificate.
CREATE TYPE "certificate_request_state" AS ENUM ('open', 'done', 'withdrawn', 'lost');
CREATE TYPE "requested_use" AS ENUM ('both', 'sign', 'encrypt');

CREATE TABLE "certificate_request" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "state" "certificate_request_state" NOT NULL DEFAULT 'open',
    "made_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "closed_at" TIMESTAMPTZ(3),

    CONSTRAINT "certificate_request_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "certificate_request_closed" CHECK (("state" = 'open') = ("closed_at" IS NULL))
);
CREATE INDEX "certificate_request_account_id_made_at_idx" ON "certificate_request"("account_id", "made_at");
-- Two windows, two nodes: one request is open.
CREATE UNIQUE INDEX "certificate_request_one_open" ON "certificate_request"("account_id") WHERE "state" = 'open';
ALTER TABLE "certificate_request" ADD CONSTRAINT "certificate_request_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "requested_key" (
    "id" UUID NOT NULL,
    "request_id" UUID NOT NULL,
    "use" "requested_use" NOT NULL,
    "key_label" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "pkcs10" BYTEA NOT NULL,
    "spki_sha256" TEXT NOT NULL,
    "sealed_private_key" BYTEA,
    "digital_id_id" UUID,

    CONSTRAINT "requested_key_pkey" PRIMARY KEY ("id"),
    -- Where the certificate is there, its Digital ID has the key and nobody else.
    CONSTRAINT "requested_key_one_place" CHECK ("digital_id_id" IS NULL OR "sealed_private_key" IS NULL)
);
CREATE UNIQUE INDEX "requested_key_request_id_use_key" ON "requested_key"("request_id", "use");
CREATE UNIQUE INDEX "requested_key_digital_id_id_key" ON "requested_key"("digital_id_id");
ALTER TABLE "requested_key" ADD CONSTRAINT "requested_key_request_id_fkey" FOREIGN KEY ("request_id") REFERENCES "certificate_request"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "requested_key" ADD CONSTRAINT "requested_key_digital_id_id_fkey" FOREIGN KEY ("digital_id_id") REFERENCES "digital_id"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- In the production phase one Digital ID is in use for each purpose (T21), whatever windows and nodes do at once. Of a programme
-- that was in its test phase before, those that are in use may stay until the next one comes.
CREATE FUNCTION digital_id_is_one_in_production() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW."state" <> 'active' OR (TG_OP = 'UPDATE' AND OLD."state" = 'active') THEN
    RETURN NEW;
  END IF;
  PERFORM 1 FROM "account" a JOIN "country" c ON c."id" = a."country_id" JOIN "programme" p ON p."id" = c."programme_id"
    WHERE a."id" = NEW."account_id" AND p."phase" = 'production' FOR NO KEY UPDATE OF a;
  IF FOUND AND EXISTS (
    SELECT 1 FROM "digital_id" other
     WHERE other."account_id" = NEW."account_id" AND other."id" <> NEW."id" AND other."state" = 'active'
       AND ((other."can_sign" AND NEW."can_sign") OR (other."can_encrypt" AND NEW."can_encrypt"))
  ) THEN
    RAISE EXCEPTION 'another Digital ID is in use' USING ERRCODE = 'unique_violation', CONSTRAINT = 'digital_id_one_in_production';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER digital_id_one_in_production BEFORE INSERT OR UPDATE OF "state" ON "digital_id"
  FOR EACH ROW EXECUTE FUNCTION digital_id_is_one_in_production();
