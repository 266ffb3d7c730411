package queue

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// Enqueue inserts an event as an application would and returns its id. A
// positive delay keeps it from being claimed before.
func (s *Store) Enqueue(ctx context.Context, name string, payload []byte, delay time.Duration) (int64, error) {
	var id int64
	err := s.write(ctx, func(tx *gorm.DB) error {
		var scheduled any
		if delay > 0 {
			// By the clock that due events are compared with.
			err := query(tx, func(rows *sql.Rows) error { return rows.Scan(&scheduled) }, `SELECT `+s.queueLater, s.after(delay))
			if err != nil {
				return err
			}
		}
		err := tx.Exec(`INSERT INTO `+s.opt.Table+` (event_name, payload, scheduled_at, create_datetime, update_datetime)
			VALUES (?, ?, ?, `+s.queueNow+`, `+s.queueNow+`)`, name, string(payload), scheduled).Error
		if err != nil {
			return err
		}
		return query(tx, func(rows *sql.Rows) error { return rows.Scan(&id) }, `SELECT `+s.lastID)
	})
	if err != nil {
		return 0, fmt.Errorf("insert event %s: %w", name, err)
	}
	return id, nil
}
