CREATE TYPE "key_pair_policy" AS ENUM ('one', 'two');
ALTER TABLE "programme" ADD COLUMN "key_algorithm" TEXT NOT NULL DEFAULT 'RSA-3072';
ALTER TABLE "programme" ADD COLUMN "key_pairs" "key_pair_policy" NOT NULL DEFAULT 'one';

-- ISO 3166 names of the countries of Annex A by their distinguishing signs; any other code is its own name until an administrator says more.
ALTER TABLE "country" ADD COLUMN "iso_code" TEXT;
UPDATE "country" SET "iso_code" = COALESCE(known.iso, LEFT("country"."code", 2))
  FROM (SELECT c."id", a.iso FROM "country" c LEFT JOIN (VALUES
    ('A', 'AT'), ('B', 'BE'), ('DK', 'DK'), ('FIN', 'FI'), ('F', 'FR'), ('D', 'DE'), ('GR', 'GR'), ('IS', 'IS'), ('IRL', 'IE'),
    ('I', 'IT'), ('FL', 'LI'), ('L', 'LU'), ('NL', 'NL'), ('N', 'NO'), ('P', 'PT'), ('E', 'ES'), ('S', 'SE'), ('GB', 'GB'),
    ('CH', 'CH'), ('CY', 'CY'), ('CZ', 'CZ'), ('EST', 'EE'), ('H', 'HU'), ('LV', 'LV'), ('LT', 'LT'), ('M', 'MT'), ('PL', 'PL'),
    ('SK', 'SK'), ('SLO', 'SI')) AS a(code, iso) ON a.code = c."code") AS known
  WHERE known."id" = "country"."id";
ALTER TABLE "country" ALTER COLUMN "iso_code" SET NOT NULL;

CREATE TYPE "revocation_reason" AS ENUM ('unspecified', 'keyCompromise', 'affiliationChanged', 'superseded', 'cessationOfOperation');
ALTER TABLE "issued_certificate" ADD COLUMN "account_id" UUID;
ALTER TABLE "issued_certificate" ADD COLUMN "revoked_at" TIMESTAMPTZ(3);
ALTER TABLE "issued_certificate" ADD COLUMN "revocation_reason" "revocation_reason";
UPDATE "issued_certificate" SET "account_id" = "account"."id" FROM "account" WHERE "account"."address_key" = lower("issued_certificate"."address");
CREATE INDEX "issued_certificate_account_id_idx" ON "issued_certificate"("account_id");
ALTER TABLE "issued_certificate" ADD CONSTRAINT "issued_certificate_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE SET NULL ON UPDATE CASCADE;
