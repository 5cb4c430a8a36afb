-- What the centre suspended or removed, and what was a central administrator's, comes back by the centre only.
ALTER TABLE "account" ADD COLUMN "held_by_centre" BOOLEAN NOT NULL DEFAULT false;

-- Who did it to those of before is in the trail only: the centre decides about them.
UPDATE "account" SET "held_by_centre" = true WHERE "state" <> 'active';
