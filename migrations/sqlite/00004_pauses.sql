-- Events that a person has paused, by name or by the beginning of one.
-- +goose Up
CREATE TABLE IF NOT EXISTS event_pauses (
  event_name VARCHAR(100) NOT NULL PRIMARY KEY, -- appointment.saved, or appointment.*
  paused_at  DATETIME     NOT NULL,
  taken      BIGINT       NOT NULL DEFAULT 0
);

-- +goose Down
DROP TABLE IF EXISTS event_pauses;
