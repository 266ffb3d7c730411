-- Earshot's own tables. Times are UTC by the database's clock.
-- +goose Up
CREATE TABLE IF NOT EXISTS event_deliveries (
  id           BIGINT       NOT NULL AUTO_INCREMENT,
  event_id     BIGINT       NOT NULL,
  listener     VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state        VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'open, delivered, skipped, dead',
  due_at       DATETIME(6)  NULL COMMENT 'next try, or end of the lease while token is set; NULL when finished',
  token        VARCHAR(32)  CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'of the claim that holds it',
  host         VARCHAR(100) NULL,
  attempts     INT          NOT NULL DEFAULT 0,
  lost         INT          NOT NULL DEFAULT 0 COMMENT 'attempts that took the plugin down',
  redelivered  BOOLEAN      NOT NULL DEFAULT FALSE COMMENT 'an earlier attempt ended without an answer',
  ordering_key VARCHAR(191) NULL,
  receipts     MEDIUMTEXT   NULL COMMENT 'JSON: who has been told',
  last_error   TEXT         NULL,
  external_id  VARCHAR(255) NULL,
  written      VARCHAR(32)  CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'create_datetime of the event, as its table tells it',
  created_at   DATETIME(6)  NOT NULL,
  finished_at  DATETIME(6)  NULL,
  PRIMARY KEY (id),
  UNIQUE KEY event_listener (event_id, listener),
  KEY due (listener, due_at, id),
  KEY lane (listener, ordering_key, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS event_attempts (
  id          BIGINT       NOT NULL AUTO_INCREMENT,
  event_id    BIGINT       NOT NULL,
  listener    VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  attempt     INT          NOT NULL,
  outcome     VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  error       TEXT         NULL,
  host        VARCHAR(100) NOT NULL,
  finished_at DATETIME(6)  NOT NULL,
  PRIMARY KEY (id),
  KEY event (event_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS event_listeners (
  listener      VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  paused_at     DATETIME(6)  NULL COMMENT 'by a person, until resumed',
  held_since    DATETIME(6)  NULL COMMENT 'by the host, until it has delivered again',
  held_until    DATETIME(6)  NULL,
  holds         INT          NOT NULL DEFAULT 0 COMMENT 'in a row',
  reason        TEXT         NULL,
  crashes       INT          NOT NULL DEFAULT 0,
  crashes_since DATETIME(6)  NULL,
  rate_next     DATETIME(6)  NULL COMMENT 'how far the rate has been used up',
  PRIMARY KEY (listener)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS event_locks (
  name       VARCHAR(32)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  holder     VARCHAR(100) NULL,
  held_until DATETIME(6)  NULL,
  taken      BIGINT       NOT NULL DEFAULT 0 COMMENT 'rises at each use: on a cluster, what makes two users conflict',
  PRIMARY KEY (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

INSERT IGNORE INTO event_locks (name) VALUES ('order'), ('probe'), ('retention');

-- +goose Down
DROP TABLE IF EXISTS event_locks;
DROP TABLE IF EXISTS event_listeners;
DROP TABLE IF EXISTS event_attempts;
DROP TABLE IF EXISTS event_deliveries;
