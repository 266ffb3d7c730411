-- Deduplication keys of producers: the second event with a key is not inserted.
-- +goose Up
CREATE TABLE IF NOT EXISTS event_keys (
  dedup_key  VARCHAR(191) NOT NULL PRIMARY KEY,
  event_id   BIGINT       NOT NULL DEFAULT 0,
  created_at DATETIME     NOT NULL
);
CREATE INDEX IF NOT EXISTS event_keys_event ON event_keys (event_id);

-- +goose Down
DROP TABLE IF EXISTS event_keys;
