-- The application's table. Skipped when database.queue_table names a table of its own.
-- +goose Up
CREATE TABLE IF NOT EXISTS event_queue (
  id              BIGINT       NOT NULL AUTO_INCREMENT,
  event_name      VARCHAR(100) NOT NULL,
  payload         LONGTEXT     NOT NULL,
  status          ENUM('pending','processing','processed','failed') NOT NULL DEFAULT 'pending',
  attempts        INT          NOT NULL DEFAULT 0,
  max_attempts    INT          NOT NULL DEFAULT 3,
  error_message   TEXT         NULL,
  scheduled_at    DATETIME(6)  NULL COMMENT 'not before; NULL is now',
  processed_at    DATETIME(6)  NULL,
  create_datetime DATETIME(6)  NULL DEFAULT CURRENT_TIMESTAMP(6),
  update_datetime DATETIME(6)  NULL DEFAULT CURRENT_TIMESTAMP(6),
  PRIMARY KEY (id),
  KEY due (status, scheduled_at, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- +goose Down
DROP TABLE IF EXISTS event_queue;
