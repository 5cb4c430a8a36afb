-- A removed account: until when its mailbox is kept, when it was emptied, until when nobody else gets its address.
ALTER TABLE "account" ADD COLUMN "removed_at" TIMESTAMPTZ(3);
ALTER TABLE "account" ADD COLUMN "mail_kept_until" TIMESTAMPTZ(3);
ALTER TABLE "account" ADD COLUMN "mail_removed_at" TIMESTAMPTZ(3);
ALTER TABLE "account" ADD COLUMN "mail_removal_tried_at" TIMESTAMPTZ(3);
ALTER TABLE "account" ADD COLUMN "address_rests_until" TIMESTAMPTZ(3);
-- Sessions that began before are worth nothing, also one whose sign-in was under way at that moment.
ALTER TABLE "account" ADD COLUMN "signed_out_at" TIMESTAMPTZ(3);
CREATE INDEX "account_mail_kept_until_idx" ON "account"("mail_kept_until") WHERE "mail_removed_at" IS NULL;
UPDATE "account" SET "removed_at" = CURRENT_TIMESTAMP, "mail_kept_until" = CURRENT_TIMESTAMP + INTERVAL '90 days',
  "address_rests_until" = CURRENT_TIMESTAMP + INTERVAL '1100 days' WHERE "state" = 'removed';

-- The code with which the holder of a hosted mailbox chooses the password; shown once, kept as a keyed hash.
CREATE TABLE "hand_over" (
    "account_id" UUID NOT NULL,
    "code_hash" BYTEA NOT NULL,
    "server_key_version" TEXT NOT NULL,
    "made_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ends_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "hand_over_pkey" PRIMARY KEY ("account_id")
);
ALTER TABLE "hand_over" ADD CONSTRAINT "hand_over_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- A country's list of addresses as it was sent to the programme (T10).
CREATE TABLE "address_list" (
    "id" UUID NOT NULL,
    "country_id" UUID NOT NULL,
    "sent_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "sent_by" TEXT NOT NULL,
    "addresses" TEXT[],

    CONSTRAINT "address_list_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "address_list_country_id_sent_at_idx" ON "address_list"("country_id", "sent_at");
ALTER TABLE "address_list" ADD CONSTRAINT "address_list_country_id_fkey" FOREIGN KEY ("country_id") REFERENCES "country"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Row T03: not more accounts in a country than the programme allows, whoever writes and however many at once. Each writer changes
-- the row of the country first: the next one waits, and under stricter isolation fails, instead of counting what is no longer so.
-- Everything that is not removed counts. A lowered limit touches no account that exists; it only lets no further one in.
ALTER TABLE "country" ADD COLUMN "account_turn" BIGINT NOT NULL DEFAULT 0;
CREATE FUNCTION account_limit_holds() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  allowed INTEGER;
  used INTEGER;
BEGIN
  UPDATE "country" SET "account_turn" = "account_turn" + 1 WHERE "id" = NEW."country_id";
  SELECT p."account_limit" INTO allowed FROM "programme" p JOIN "country" c ON c."programme_id" = p."id" WHERE c."id" = NEW."country_id";
  SELECT count(*) INTO used FROM "account" WHERE "country_id" = NEW."country_id" AND "state" <> 'removed' AND "id" <> NEW."id";
  IF used >= allowed THEN
    RAISE EXCEPTION 'account_limit: the programme allows % accounts in a country', allowed USING ERRCODE = 'check_violation', CONSTRAINT = 'account_limit';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER account_limit_of_new BEFORE INSERT ON "account"
  FOR EACH ROW WHEN (NEW."state" <> 'removed') EXECUTE FUNCTION account_limit_holds();
CREATE TRIGGER account_limit_of_returning BEFORE UPDATE OF "state", "country_id" ON "account"
  FOR EACH ROW WHEN (NEW."state" <> 'removed' AND (OLD."state" = 'removed' OR OLD."country_id" <> NEW."country_id"))
  EXECUTE FUNCTION account_limit_holds();

-- The hosted mail servers (Dovecot, Postfix) see this and nothing else (T01). `receives`: mail is taken in, also for somebody who is
-- suspended or has not chosen a password yet. `active`: may be signed in to. Where no password was chosen, or the account is removed,
-- the hash is that of a random one which nobody has; of removed accounts only those appear whose mail is due to be emptied by the
-- service credential.
DROP VIEW "hosted_mailbox";
CREATE VIEW "hosted_mailbox" AS
  SELECT a."address_key" AS "address", a."mailbox_password_hash" AS "password_hash", a."quota_mb",
    (a."state" <> 'suspended') AS "active", (a."state" <> 'removed') AS "receives"
  FROM "account" a JOIN "country" c ON c."id" = a."country_id" JOIN "mail_server" s ON s."id" = c."mail_server_id"
  WHERE s."hosted" AND a."mailbox_password_hash" IS NOT NULL
    AND (a."state" <> 'removed' OR (a."mail_kept_until" <= now() AND a."mail_removed_at" IS NULL));
DO $$ BEGIN
  GRANT SELECT ON "hosted_mailbox" TO sealpost_mail;
EXCEPTION WHEN undefined_object THEN RAISE NOTICE 'role sealpost_mail is missing: create it and grant it select on hosted_mailbox and hosted_domain';
END $$;
