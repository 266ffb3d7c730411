-- The application's table. Skipped when database.queue_table names a table of its own.
-- +goose Up
CREATE TABLE IF NOT EXISTS event_queue (
  id              INTEGER      NOT NULL PRIMARY KEY AUTOINCREMENT,
  event_name      VARCHAR(100) NOT NULL,
  payload         TEXT         NOT NULL,
  status          TEXT         NOT NULL DEFAULT 'pending' CHECK (status IN ('pending','processing','processed','failed')),
  attempts        INT          NOT NULL DEFAULT 0,
  max_attempts    INT          NOT NULL DEFAULT 3,
  error_message   TEXT         NULL,
  scheduled_at    DATETIME     NULL,
  processed_at    DATETIME     NULL,
  create_datetime DATETIME     NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
  update_datetime DATETIME     NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);
CREATE INDEX IF NOT EXISTS event_queue_due ON event_queue (status, scheduled_at, id);

-- +goose Down
DROP TABLE IF EXISTS event_queue;
