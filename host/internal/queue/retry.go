package queue

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/earshot-host/earshot/host/internal/event"
)

// discardedPrefix begins the error of what a person gave up.
const discardedPrefix = "discarded: "

// Retry says what is sent again.
type Retry struct {
	// Listener narrows it to the deliveries of one listener; empty is all.
	Listener string
	// Discarded takes in what a person gave up.
	Discarded bool
	// In puts it off.
	In time.Duration
}

// Retry sends events again, to the listeners that have not delivered and to no
// other: what was given up begins anew with all its attempts, what waits for its
// next try goes now. An event that no listener was found for is routed again.
// What was given up is no longer marked redelivered: who sends it again knows.
// It returns the ids of those events for which there was something to do. Ids
// should be at most 500: all happens in one transaction.
func (s *Store) Retry(ctx context.Context, ids []int64, r Retry) ([]int64, error) {
	var done []int64
	err := s.write(ctx, func(tx *gorm.DB) error {
		done = nil
		events, err := s.lockEvents(tx, ids)
		if err != nil {
			return err
		}
		var open, again []int64
		for _, ev := range events {
			switch {
			case ev.status != "failed" && ev.status != "processing":
			case ev.status == "failed" && r.Listener == "" && (r.Discarded || !ev.discarded):
				again = append(again, ev.id)
			default:
				open = append(open, ev.id)
			}
		}
		reopened, err := s.reopen(tx, open, r)
		if err != nil {
			return err
		}
		if err := s.routeAgain(tx, again, r.In); err != nil {
			return err
		}
		done = slices.Concat(again, reopened)
		slices.Sort(done)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("retry %d events: %w", len(ids), err)
	}
	return done, nil
}

// lockedEvent is an event that a person does something about.
type lockedEvent struct {
	id     int64
	status string
	// discarded says that at least one of its deliveries, or the event before
	// it had any, was given up by a person.
	discarded bool
}

func (s *Store) lockEvents(tx *gorm.DB, ids []int64) ([]lockedEvent, error) {
	var events []lockedEvent
	if len(ids) == 0 {
		return nil, nil
	}
	err := query(tx, func(rows *sql.Rows) error {
		var ev lockedEvent
		var reason sql.NullString
		err := rows.Scan(&ev.id, &ev.status, &reason)
		ev.discarded = strings.HasPrefix(reason.String, discardedPrefix) || strings.Contains(reason.String, ": "+discardedPrefix)
		events = append(events, ev)
		return err
	}, `SELECT id, status, error_message FROM `+s.opt.Table+` WHERE id IN ? ORDER BY id`+s.wait, ids)
	return events, err
}

// routeAgain leaves it to the next claim to find out who has not delivered,
// which also tells listeners that events.yaml has got since.
func (s *Store) routeAgain(tx *gorm.DB, ids []int64, in time.Duration) error {
	if len(ids) == 0 {
		return nil
	}
	scheduled, args := "scheduled_at", []any{}
	if in > 0 {
		scheduled, args = s.queueLater, append(args, s.after(in))
	}
	return tx.Exec(`UPDATE `+s.opt.Table+` SET status = 'pending', scheduled_at = `+scheduled+`, attempts = 0, error_message = NULL, processed_at = NULL, update_datetime = `+s.queueNow+`
		WHERE id IN ? AND status = 'failed'`, append(args, ids)...).Error
}

// reopen works on deliveries themselves and returns the events of those that it
// has changed.
func (s *Store) reopen(tx *gorm.DB, ids []int64, r Retry) ([]int64, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	which, args := `event_id IN ? AND (state = 'dead' AND `+s.keepDiscarded(r)+` OR state = 'open' AND token IS NULL AND due_at > `+s.now+`)`, []any{ids}
	if r.Listener != "" {
		which, args = which+` AND listener = ?`, append(args, r.Listener)
	}
	var deliveries, events []int64
	err := query(tx, func(rows *sql.Rows) error {
		var id, eventID int64
		err := rows.Scan(&id, &eventID)
		deliveries, events = append(deliveries, id), append(events, eventID)
		return err
	}, `SELECT id, event_id FROM event_deliveries WHERE `+which+` ORDER BY id`+s.wait, args...)
	if err != nil || len(deliveries) == 0 {
		return nil, err
	}
	due, args := s.now, []any{event.Open}
	if r.In > 0 {
		due, args = s.later, append(args, s.after(r.In))
	}
	err = tx.Exec(`UPDATE event_deliveries SET attempts = CASE WHEN state = 'dead' THEN 0 ELSE attempts END,
			lost = CASE WHEN state = 'dead' THEN 0 ELSE lost END,
			redelivered = CASE WHEN state = 'dead' THEN FALSE ELSE redelivered END, state = ?, due_at = `+due+`, finished_at = NULL
		WHERE id IN ?`, append(args, deliveries)...).Error
	if err != nil {
		return nil, err
	}
	slices.Sort(events)
	events = slices.Compact(events)
	err = tx.Exec(`UPDATE `+s.opt.Table+` SET status = 'processing', processed_at = NULL, update_datetime = `+s.queueNow+`
		WHERE id IN ? AND status = 'failed'`, events).Error
	if err != nil {
		return nil, err
	}
	return events, s.rollUp(tx, events)
}

func (s *Store) keepDiscarded(r Retry) string {
	if r.Discarded {
		return "TRUE"
	}
	return "(last_error IS NULL OR last_error NOT LIKE '" + discardedPrefix + "%')"
}
