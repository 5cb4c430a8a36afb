-- Programmes side by side: who may administrate which, and which one a session administrates.
CREATE TABLE "programme_grant" (
    "account_id" UUID NOT NULL,
    "programme_id" UUID NOT NULL,
    "granted_by" TEXT NOT NULL,
    "granted_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "programme_grant_pkey" PRIMARY KEY ("account_id", "programme_id")
);
CREATE INDEX "programme_grant_programme_id_idx" ON "programme_grant"("programme_id");
ALTER TABLE "programme_grant" ADD CONSTRAINT "programme_grant_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "programme_grant" ADD CONSTRAINT "programme_grant_programme_id_fkey" FOREIGN KEY ("programme_id") REFERENCES "programme"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "session" ADD COLUMN "administered_programme_id" UUID;
ALTER TABLE "session" ADD CONSTRAINT "session_administered_programme_id_fkey" FOREIGN KEY ("administered_programme_id") REFERENCES "programme"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- A mail server belongs to one programme: the administrators of another one must not turn its mail aside.
ALTER TABLE "mail_server" ADD COLUMN "programme_id" UUID;
ALTER TABLE "mail_server" ADD CONSTRAINT "mail_server_programme_id_fkey" FOREIGN KEY ("programme_id") REFERENCES "programme"("id") ON DELETE SET NULL ON UPDATE CASCADE;
UPDATE "mail_server" SET "programme_id" = used."programme_id"
  FROM (SELECT "mail_server_id", min("programme_id"::text)::uuid AS "programme_id" FROM "country"
        GROUP BY "mail_server_id" HAVING count(DISTINCT "programme_id") = 1) AS used
  WHERE used."mail_server_id" = "mail_server"."id";

-- Where mail comes in: the target of the MX record, and its address.
ALTER TABLE "mail_server" ADD COLUMN "incoming_host" TEXT;
ALTER TABLE "mail_server" ADD COLUMN "incoming_ip" TEXT;

-- The request form of a country (T09).
CREATE TYPE "registration_state" AS ENUM ('draft', 'submitted', 'returned', 'accepted');
CREATE TABLE "registration" (
    "id" UUID NOT NULL,
    "programme_id" UUID NOT NULL,
    "code" TEXT NOT NULL,
    "iso_code" TEXT NOT NULL,
    "country_id" UUID,
    "state" "registration_state" NOT NULL DEFAULT 'draft',
    "version" INTEGER NOT NULL DEFAULT 1,
    "fields" JSONB NOT NULL,
    "accepted" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "changed_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "registration_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "registration_country_id_key" ON "registration"("country_id");
CREATE UNIQUE INDEX "registration_programme_id_code_key" ON "registration"("programme_id", "code");
ALTER TABLE "registration" ADD CONSTRAINT "registration_programme_id_fkey" FOREIGN KEY ("programme_id") REFERENCES "programme"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "registration" ADD CONSTRAINT "registration_country_id_fkey" FOREIGN KEY ("country_id") REFERENCES "country"("id") ON DELETE SET NULL ON UPDATE CASCADE;

CREATE TABLE "registration_invitation" (
    "id" UUID NOT NULL,
    "registration_id" UUID NOT NULL,
    "code_hash" BYTEA NOT NULL,
    "made_at" TIMESTAMPTZ(3) NOT NULL,
    "ends_at" TIMESTAMPTZ(3) NOT NULL,
    "withdrawn_at" TIMESTAMPTZ(3),

    CONSTRAINT "registration_invitation_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "registration_invitation_code_hash_key" ON "registration_invitation"("code_hash");
CREATE INDEX "registration_invitation_registration_id_idx" ON "registration_invitation"("registration_id");
ALTER TABLE "registration_invitation" ADD CONSTRAINT "registration_invitation_registration_id_fkey" FOREIGN KEY ("registration_id") REFERENCES "registration"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "registration_visit" (
    "id" TEXT NOT NULL,
    "invitation_id" UUID NOT NULL,
    "secret_hash" BYTEA NOT NULL,
    "ends_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "registration_visit_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "registration_visit_invitation_id_idx" ON "registration_visit"("invitation_id");
CREATE INDEX "registration_visit_ends_at_idx" ON "registration_visit"("ends_at");
ALTER TABLE "registration_visit" ADD CONSTRAINT "registration_visit_invitation_id_fkey" FOREIGN KEY ("invitation_id") REFERENCES "registration_invitation"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "registration_step" (
    "id" BIGSERIAL NOT NULL,
    "registration_id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "step" TEXT NOT NULL,
    "side" TEXT NOT NULL,
    "actor" TEXT NOT NULL,
    "reason" TEXT NOT NULL DEFAULT '',
    "changes" JSONB NOT NULL,

    CONSTRAINT "registration_step_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "registration_step_registration_id_id_idx" ON "registration_step"("registration_id", "id");
ALTER TABLE "registration_step" ADD CONSTRAINT "registration_step_registration_id_fkey" FOREIGN KEY ("registration_id") REFERENCES "registration"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- Both sides rely on what happened: nobody takes a step back or writes it anew.
CREATE FUNCTION registration_step_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the history of a registration is append-only';
END $$;
CREATE TRIGGER registration_step_append_only BEFORE UPDATE OR DELETE ON "registration_step"
  FOR EACH ROW EXECUTE FUNCTION registration_step_is_append_only();
CREATE TRIGGER registration_step_no_truncate BEFORE TRUNCATE ON "registration_step"
  FOR EACH STATEMENT EXECUTE FUNCTION registration_step_is_append_only();
