-- A country can be suspended as a whole: nobody of it signs in, neither here nor with a mail program, while mail goes on coming in.
ALTER TABLE "country" ADD COLUMN "suspended_at" TIMESTAMPTZ(3);

-- Mailboxes of removed accounts stay open for the job that removes them.
CREATE OR REPLACE VIEW "hosted_mailbox" AS
  SELECT a."address_key" AS "address", a."mailbox_password_hash" AS "password_hash", a."quota_mb",
    (a."state" <> 'suspended' AND (c."suspended_at" IS NULL OR a."state" = 'removed')) AS "active",
    (a."state" <> 'removed') AS "receives"
  FROM "account" a JOIN "country" c ON c."id" = a."country_id" JOIN "mail_server" s ON s."id" = c."mail_server_id"
  WHERE s."hosted" AND a."mailbox_password_hash" IS NOT NULL
    AND (a."state" <> 'removed' OR (a."mail_kept_until" <= now() AND a."mail_removed_at" IS NULL));
