package queue

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// Lead asks to be the one host that does a task of the whole queue, for a
// while; asking again prolongs it. It is a row that is compared and set: on a
// cluster, GET_LOCK holds on one node only.
func (s *Store) Lead(ctx context.Context, task string, d time.Duration) (bool, error) {
	leads := false
	err := s.write(ctx, func(tx *gorm.DB) error {
		res := tx.Exec(`UPDATE event_locks SET holder = ?, held_until = `+s.later+`, taken = taken + 1
			WHERE name = ? AND (holder = ? OR held_until IS NULL OR held_until <= `+s.now+`)`, s.opt.Host, s.after(d), task, s.opt.Host)
		leads = res.RowsAffected == 1
		return res.Error
	})
	if err != nil {
		return false, fmt.Errorf("ask for the task %s: %w", task, err)
	}
	return leads, nil
}
