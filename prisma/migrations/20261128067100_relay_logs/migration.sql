-- What the relays wrote in their logs, so that each hop of a message is found by its Message-ID.
CREATE TABLE "relay_log_line" (
    "id" BIGSERIAL NOT NULL,
    "relay" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "queue_id" TEXT NOT NULL,
    "service" TEXT NOT NULL,
    "text" TEXT NOT NULL,
    "message_id" TEXT,
    CONSTRAINT "relay_log_line_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "relay_log_line_relay_queue_id_idx" ON "relay_log_line"("relay", "queue_id");
CREATE INDEX "relay_log_line_message_id_idx" ON "relay_log_line"("message_id");
CREATE INDEX "relay_log_line_at_idx" ON "relay_log_line"("at");

CREATE TABLE "relay_log_place" (
    "relay" TEXT NOT NULL,
    "head_bytes" INTEGER NOT NULL DEFAULT 0,
    "head_sha256" TEXT NOT NULL DEFAULT '',
    "position" BIGINT NOT NULL DEFAULT 0,
    "read_at" TIMESTAMPTZ(3),
    "failure" TEXT,
    "gap_at" TIMESTAMPTZ(3),
    CONSTRAINT "relay_log_place_pkey" PRIMARY KEY ("relay")
);
