package queue

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/earshot-host/earshot/host/internal/event"
)

// A paused event is claimed and laid out like any other, so that it keeps its
// place and holds up nobody; its deliveries are parked at a time that never
// comes. Taking them off the claim instead would have every claim walk over
// all that waits.

// parkedAt is due_at of a parked delivery.
const parkedAt = "9000-01-01 00:00:00"

// Parked reports whether due is the time of a delivery whose event is paused.
func Parked(due time.Time) bool { return due.Year() >= 9000 }

// PausedEvents returns the names that are paused; one that ends in * stands
// for all that begin so.
func (s *Store) PausedEvents(ctx context.Context) ([]string, error) {
	var out []string
	err := query(s.db.WithContext(ctx), func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		out = append(out, name)
		return err
	}, `SELECT event_name FROM event_pauses ORDER BY event_name`)
	if err != nil {
		return nil, fmt.Errorf("read paused events: %w", err)
	}
	return out, nil
}

// PauseEvent keeps events of a name, or of all names that begin so, from their
// listeners, on every host within a second, until ResumeEvent. Calls that run
// end as they would. It reports whether it was not paused before.
func (s *Store) PauseEvent(ctx context.Context, name string) (changed bool, err error) {
	ignore := ` ON DUPLICATE KEY UPDATE event_name = event_name`
	if s.name == "sqlite" {
		ignore = ` ON CONFLICT (event_name) DO NOTHING`
	}
	err = s.write(ctx, func(tx *gorm.DB) error {
		res := tx.Exec(`INSERT INTO event_pauses (event_name, paused_at) VALUES (?, `+s.now+`)`+ignore, name)
		changed = res.RowsAffected == 1
		return res.Error
	})
	if err != nil {
		return false, fmt.Errorf("pause event %s: %w", name, err)
	}
	return changed, nil
}

// ResumeEvent ends a pause, and makes due what waited for it, in the order of
// the events. It reports whether there was one.
func (s *Store) ResumeEvent(ctx context.Context, name string) (changed bool, err error) {
	err = s.write(ctx, func(tx *gorm.DB) error {
		res := tx.Exec(`DELETE FROM event_pauses WHERE event_name = ?`, name)
		changed = res.RowsAffected == 1
		return res.Error
	})
	if err != nil {
		return false, fmt.Errorf("resume event %s: %w", name, err)
	}
	where, arg := "e.event_name = ?", name
	if prefix, wild := strings.CutSuffix(name, "*"); wild {
		where, arg = "e.event_name LIKE ? ESCAPE '!'", like(prefix)+"%"
	}
	names, err := s.listenerNames(ctx)
	for _, listener := range names {
		if err == nil {
			err = s.unpark(ctx, listener, where, arg)
		}
	}
	if err != nil {
		return false, fmt.Errorf("resume event %s: %w; run it again", name, err)
	}
	return changed, nil
}

// unpark goes along the index of one listener, some hundreds at a time.
func (s *Store) unpark(ctx context.Context, listener, where, arg string) error {
	for last := int64(0); ; {
		var ids []int64
		err := query(s.db.WithContext(ctx), func(rows *sql.Rows) error {
			err := rows.Scan(&last)
			ids = append(ids, last)
			return err
		}, `SELECT d.id FROM event_deliveries AS d JOIN `+s.opt.Table+` AS e ON e.id = d.event_id
			WHERE d.listener = ? AND d.due_at = '`+parkedAt+`' AND d.id > ? AND `+where+` ORDER BY d.id LIMIT 500`, listener, last, arg)
		if err != nil || len(ids) == 0 {
			return err
		}
		err = s.write(ctx, func(tx *gorm.DB) error {
			return tx.Exec(`UPDATE event_deliveries SET due_at = `+s.now+` WHERE id IN ? AND due_at = '`+parkedAt+`'`, ids).Error
		})
		if err != nil {
			return err
		}
	}
}

// ParkPaused puts back deliveries that this host holds, until the pause of that
// name ends. It reports whether there still is such a pause: if not, nothing is
// done, and they may go. What is no longer this host's is left as it is.
func (s *Store) ParkPaused(ctx context.Context, name string, held []event.Delivery) (parked bool, err error) {
	ids := make([]int64, len(held))
	tokens := make([]string, len(held))
	for i, d := range held {
		ids[i], tokens[i] = d.ID, d.Token
	}
	err = s.write(ctx, func(tx *gorm.DB) error {
		// Whoever ends the pause waits for this, and then finds what was parked;
		// or was first, and nothing is. It writes, for clusters: see lockOrder.
		res := tx.Exec(`UPDATE event_pauses SET taken = taken + 1 WHERE event_name = ?`, name)
		if parked = res.RowsAffected == 1; res.Error != nil || !parked {
			return res.Error
		}
		return tx.Exec(`UPDATE event_deliveries SET due_at = '`+parkedAt+`', token = NULL WHERE id IN ? AND token IN ?`, ids, tokens).Error
	})
	if err != nil {
		return false, fmt.Errorf("put back %d deliveries of paused events: %w", len(held), err)
	}
	return parked, nil
}
