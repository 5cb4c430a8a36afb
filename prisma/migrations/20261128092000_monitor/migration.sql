-- The monitor (T24): what is watched, how it stands, what was found, and whom it was told.
CREATE TABLE "monitor_target" (
    "id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "about" TEXT NOT NULL,
    "mail_server_id" UUID,
    "country_id" UUID,
    "listed_at" TIMESTAMPTZ(3) NOT NULL,
    "state" TEXT NOT NULL,
    "state_since" TIMESTAMPTZ(3) NOT NULL,
    "probed_at" TIMESTAMPTZ(3) NOT NULL,
    "line" JSONB NOT NULL,

    CONSTRAINT "monitor_target_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "monitor_target_kind_key_key" ON "monitor_target"("kind", "key");
CREATE INDEX "monitor_target_mail_server_id_idx" ON "monitor_target"("mail_server_id");
CREATE INDEX "monitor_target_country_id_idx" ON "monitor_target"("country_id");
ALTER TABLE "monitor_target" ADD CONSTRAINT "monitor_target_mail_server_id_fkey" FOREIGN KEY ("mail_server_id") REFERENCES "mail_server"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "monitor_target" ADD CONSTRAINT "monitor_target_country_id_fkey" FOREIGN KEY ("country_id") REFERENCES "country"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Each look of the last two days.
CREATE TABLE "monitor_sample" (
    "target_id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "failed" BOOLEAN NOT NULL,
    "milliseconds" INTEGER NOT NULL,

    CONSTRAINT "monitor_sample_pkey" PRIMARY KEY ("target_id", "at")
);
CREATE INDEX "monitor_sample_at_idx" ON "monitor_sample"("at");
ALTER TABLE "monitor_sample" ADD CONSTRAINT "monitor_sample_target_id_fkey" FOREIGN KEY ("target_id") REFERENCES "monitor_target"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Summed up for each hour of the last thirty days; times are of the looks that found it working.
CREATE TABLE "monitor_hour" (
    "target_id" UUID NOT NULL,
    "hour" TIMESTAMPTZ(3) NOT NULL,
    "looks" INTEGER NOT NULL,
    "failed" INTEGER NOT NULL,
    "milliseconds_sum" BIGINT NOT NULL,
    "milliseconds_most" INTEGER NOT NULL,

    CONSTRAINT "monitor_hour_pkey" PRIMARY KEY ("target_id", "hour")
);
CREATE INDEX "monitor_hour_hour_idx" ON "monitor_hour"("hour");
ALTER TABLE "monitor_hour" ADD CONSTRAINT "monitor_hour_target_id_fkey" FOREIGN KEY ("target_id") REFERENCES "monitor_target"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "monitor_incident" (
    "id" UUID NOT NULL,
    "target_id" UUID NOT NULL,
    "began_at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),
    "looks" INTEGER NOT NULL DEFAULT 1,
    "line" JSONB NOT NULL,
    "told_down_at" TIMESTAMPTZ(3),
    "told_up_at" TIMESTAMPTZ(3),

    CONSTRAINT "monitor_incident_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "monitor_incident_target_id_began_at_idx" ON "monitor_incident"("target_id", "began_at");
CREATE UNIQUE INDEX "monitor_incident_open" ON "monitor_incident"("target_id") WHERE "ended_at" IS NULL;
ALTER TABLE "monitor_incident" ADD CONSTRAINT "monitor_incident_target_id_fkey" FOREIGN KEY ("target_id") REFERENCES "monitor_target"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- A mail to one administrator; its words are made when it goes, so that what waited long tells the present.
CREATE TABLE "monitor_alert" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "incident_ids" UUID[] NOT NULL,
    "made_at" TIMESTAMPTZ(3) NOT NULL,
    "next_try_at" TIMESTAMPTZ(3) NOT NULL,
    "tries" INTEGER NOT NULL DEFAULT 0,
    "failure" TEXT NOT NULL DEFAULT '',
    "sent_at" TIMESTAMPTZ(3),

    CONSTRAINT "monitor_alert_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "monitor_alert_account_id_made_at_idx" ON "monitor_alert"("account_id", "made_at");
ALTER TABLE "monitor_alert" ADD CONSTRAINT "monitor_alert_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Which node looks: one row, by the clock of the database.
CREATE TABLE "monitor_lease" (
    "id" INTEGER NOT NULL,
    "node" TEXT NOT NULL,
    "held_by" TEXT NOT NULL,
    "held_until" TIMESTAMPTZ(3) NOT NULL,
    "round_at" TIMESTAMPTZ(3),

    CONSTRAINT "monitor_lease_pkey" PRIMARY KEY ("id")
);
