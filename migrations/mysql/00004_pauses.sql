-- Events that a person has paused, by name or by the beginning of one.
-- +goose Up
CREATE TABLE IF NOT EXISTS event_pauses (
  event_name VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'appointment.saved, or appointment.*',
  paused_at  DATETIME(6)  NOT NULL,
  taken      BIGINT       NOT NULL DEFAULT 0 COMMENT 'rises at each use: on a cluster, what makes two users conflict',
  PRIMARY KEY (event_name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- +goose Down
DROP TABLE IF EXISTS event_pauses;
