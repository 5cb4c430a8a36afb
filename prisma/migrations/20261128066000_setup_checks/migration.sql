-- Set-up checks (T08) and what they found, line by line.
CREATE TABLE "setup_check" (
    "id" UUID NOT NULL,
    "programme_id" UUID NOT NULL,
    "country_id" UUID,
    "started_by" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "alive_at" TIMESTAMPTZ(3) NOT NULL,
    "finished_at" TIMESTAMPTZ(3),
    "expected" INTEGER NOT NULL DEFAULT 0,
    "lines" JSONB NOT NULL DEFAULT '[]',

    CONSTRAINT "setup_check_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "setup_check_programme_id_started_at_idx" ON "setup_check"("programme_id", "started_at");
ALTER TABLE "setup_check" ADD CONSTRAINT "setup_check_programme_id_fkey" FOREIGN KEY ("programme_id") REFERENCES "programme"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "setup_check" ADD CONSTRAINT "setup_check_country_id_fkey" FOREIGN KEY ("country_id") REFERENCES "country"("id") ON DELETE CASCADE ON UPDATE CASCADE;
-- One at a time for a programme as a whole, and one for each of its countries, whichever node does it.
CREATE UNIQUE INDEX "setup_check_running" ON "setup_check"("programme_id", COALESCE("country_id", "programme_id")) WHERE "finished_at" IS NULL;
