-- Earshot's own tables. Times are UTC.
-- +goose Up
CREATE TABLE IF NOT EXISTS event_deliveries (
  id           INTEGER      NOT NULL PRIMARY KEY AUTOINCREMENT,
  event_id     BIGINT       NOT NULL,
  listener     VARCHAR(100) NOT NULL,
  state        VARCHAR(16)  NOT NULL, -- open, delivered, skipped, dead
  due_at       DATETIME     NULL,     -- next try, or end of the lease while token is set; NULL when finished
  token        VARCHAR(32)  NULL,     -- of the claim that holds it
  host         VARCHAR(100) NULL,
  attempts     INT          NOT NULL DEFAULT 0,
  lost         INT          NOT NULL DEFAULT 0, -- attempts that took the plugin down
  redelivered  BOOLEAN      NOT NULL DEFAULT FALSE, -- an earlier attempt ended without an answer
  ordering_key VARCHAR(191) NULL,
  receipts     TEXT         NULL,     -- JSON: who has been told
  last_error   TEXT         NULL,
  external_id  VARCHAR(255) NULL,
  written      VARCHAR(32)  NULL,     -- create_datetime of the event, as its table tells it
  created_at   DATETIME     NOT NULL,
  finished_at  DATETIME     NULL,
  UNIQUE (event_id, listener)
);
CREATE INDEX IF NOT EXISTS event_deliveries_due ON event_deliveries (listener, due_at, id);
CREATE INDEX IF NOT EXISTS event_deliveries_lane ON event_deliveries (listener, ordering_key, id);

CREATE TABLE IF NOT EXISTS event_attempts (
  id          INTEGER      NOT NULL PRIMARY KEY AUTOINCREMENT,
  event_id    BIGINT       NOT NULL,
  listener    VARCHAR(100) NOT NULL,
  attempt     INT          NOT NULL,
  outcome     VARCHAR(16)  NOT NULL,
  error       TEXT         NULL,
  host        VARCHAR(100) NOT NULL,
  finished_at DATETIME     NOT NULL
);
CREATE INDEX IF NOT EXISTS event_attempts_event ON event_attempts (event_id, id);

CREATE TABLE IF NOT EXISTS event_listeners (
  listener      VARCHAR(100) NOT NULL PRIMARY KEY,
  paused_at     DATETIME     NULL, -- by a person, until resumed
  held_since    DATETIME     NULL, -- by the host, until it has delivered again
  held_until    DATETIME     NULL,
  holds         INT          NOT NULL DEFAULT 0, -- in a row
  reason        TEXT         NULL,
  crashes       INT          NOT NULL DEFAULT 0,
  crashes_since DATETIME     NULL,
  rate_next     DATETIME     NULL  -- how far the rate has been used up
);

CREATE TABLE IF NOT EXISTS event_locks (
  name       VARCHAR(32)  NOT NULL PRIMARY KEY,
  holder     VARCHAR(100) NULL,
  held_until DATETIME     NULL,
  taken      BIGINT       NOT NULL DEFAULT 0
);

INSERT OR IGNORE INTO event_locks (name) VALUES ('order'), ('probe'), ('retention');

-- +goose Down
DROP TABLE IF EXISTS event_locks;
DROP TABLE IF EXISTS event_listeners;
DROP TABLE IF EXISTS event_attempts;
DROP TABLE IF EXISTS event_deliveries;
