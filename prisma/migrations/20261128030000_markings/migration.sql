-- Whether a letter may leave without a marking, or without a word about it.
CREATE TYPE "marking_policy" AS ENUM ('optional', 'decide', 'outside');
ALTER TABLE "programme" ADD COLUMN "marking_policy" "marking_policy" NOT NULL DEFAULT 'optional';

-- The marking that a trusted signature binds, for the list.
ALTER TABLE "message_verdict" ADD COLUMN "sealed_marking" BYTEA;
