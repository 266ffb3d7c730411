package queue

import (
	"database/sql"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/earshot-host/earshot/host/internal/event"
)

// Deliveries of one listener with equal ordering keys go one after the other,
// in the order of their ids. Three things make it so: claims that lay them out
// go one at a time (lockOrder); one is taken only when the one before it has
// finished (mustWait); and who finishes one makes the next due (handOver).

// mustWait tells whether delivery d comes after one with its key that is still
// open. The nearest before it speaks for all earlier ones.
const mustWait = `d.ordering_key IS NOT NULL AND (SELECT p.due_at FROM event_deliveries AS p
		WHERE p.listener = d.listener AND p.ordering_key = d.ordering_key AND p.id < d.id ORDER BY p.id DESC LIMIT 1) IS NOT NULL`

// inTurn parts locked deliveries that may go from those that must wait. It is
// a statement of its own: the one that locks sees rows that were committed
// after it began, and a subquery of it does not, so that a delivery could be
// taken whose forerunner it cannot see.
func (s *Store) inTurn(tx *gorm.DB, ids []int64) (free, blocked []int64, err error) {
	err = query(tx, func(rows *sql.Rows) error {
		var id int64
		var wait bool
		err := rows.Scan(&id, &wait)
		if wait {
			blocked = append(blocked, id)
		} else {
			free = append(free, id)
		}
		return err
	}, `SELECT d.id, `+mustWait+` FROM event_deliveries AS d WHERE d.id IN ?`, ids)
	return free, blocked, err
}

// parkFor is how long a delivery that must wait is left out of sight, so that
// a long row of them slows no other key. handOver ends it early; should that
// miss one that was just being laid out, it is looked at again after this time.
const parkFor = 10 * time.Second

// lockOrder makes claims with ordering keys go one at a time. It writes, since
// on a cluster only two writes conflict.
func (s *Store) lockOrder(tx *gorm.DB) error {
	return tx.Exec(`UPDATE event_locks SET taken = taken + 1 WHERE name = 'order'`).Error
}

func (s *Store) park(tx *gorm.DB, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	return tx.Exec(`UPDATE event_deliveries SET due_at = `+s.later+` WHERE id IN ? AND token IS NULL`, s.after(parkFor), ids).Error
}

// handOver makes due what comes next after deliveries that have finished.
func (s *Store) handOver(tx *gorm.DB, finished []event.Delivery) error {
	if len(finished) == 0 {
		return nil
	}
	const next = `(SELECT id FROM event_deliveries WHERE listener = ? AND ordering_key = ? AND id > ? ORDER BY id LIMIT 1)`
	args := make([]any, 0, 3*len(finished))
	for _, d := range finished {
		args = append(args, d.Listener, d.OrderingKey, d.ID)
	}
	var ids []int64
	err := query(tx, func(rows *sql.Rows) error {
		found := make([]sql.NullInt64, len(finished))
		into := make([]any, len(found))
		for i := range found {
			into[i] = &found[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for _, id := range found {
			if id.Valid {
				ids = append(ids, id.Int64)
			}
		}
		return nil
	}, `SELECT `+strings.TrimSuffix(strings.Repeat(next+", ", len(finished)), ", "), args...)
	if err != nil || len(ids) == 0 {
		return err
	}
	return tx.Exec(`UPDATE event_deliveries SET due_at = `+s.now+` WHERE id IN ? AND token IS NULL AND due_at > `+s.now, ids).Error
}
