-- Deduplication keys of producers: the second event with a key is not inserted.
-- +goose Up
CREATE TABLE IF NOT EXISTS event_keys (
  dedup_key  VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  event_id   BIGINT       NOT NULL DEFAULT 0,
  created_at DATETIME(6)  NOT NULL,
  PRIMARY KEY (dedup_key),
  KEY event (event_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- +goose Down
DROP TABLE IF EXISTS event_keys;
