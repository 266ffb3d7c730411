package queue

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/earshot-host/earshot/host/internal/event"
)

// Take leases deliveries of one listener that are due: new ones that found no
// free slot, retries, and those whose host died in the middle.
func (s *Store) Take(ctx context.Context, t event.Take) (event.Taken, error) {
	lock, err := s.claimLock(ctx)
	if err != nil {
		return event.Taken{}, err
	}
	token := rand.Text()
	var taken event.Taken
	var ids []int64
	err = s.write(ctx, func(tx *gorm.DB) error {
		taken, ids = event.Taken{}, nil
		limit, ahead, err := t.Limit, time.Duration(0), error(nil)
		if t.Rate.Events > 0 {
			if ahead, err = s.lockRate(tx, t.Listener); err != nil {
				return err
			}
			if limit, taken.Wait = t.Rate.Allow(ahead, t.Limit); limit == 0 {
				return nil
			}
		}
		var blocked []int64
		if ids, blocked, err = s.candidates(tx, t, limit, lock); err != nil {
			return err
		}
		if len(ids)+len(blocked) < limit {
			taken.Wait = 0
		}
		taken.Passed = len(blocked)
		if err := s.park(tx, blocked); err != nil || len(ids) == 0 {
			return err
		}
		if t.Rate.Events > 0 {
			if err := s.spendRate(tx, t.Listener, t.Rate.Spend(ahead, len(ids))); err != nil {
				return err
			}
		}
		// A token still set is a lease that ran out: nobody knows what came of it.
		return tx.Exec(`UPDATE event_deliveries SET redelivered = CASE WHEN token IS NULL THEN redelivered ELSE TRUE END,
			token = ?, host = ?, due_at = `+s.later+` WHERE id IN ? AND due_at <= `+s.now,
			token, s.opt.Host, s.after(s.opt.Lease), ids).Error
	})
	if err == nil || s.severed(err) && len(ids) > 0 {
		// With err, the token tells whether the commit was made.
		ds, rerr := s.readBackTaken(ctx, ids, t.Listener, token)
		if err == nil || len(ds) > 0 {
			taken.Deliveries, err = ds, rerr
		}
	}
	if err != nil {
		return event.Taken{}, fmt.Errorf("claim up to %d due deliveries of %s: %w", t.Limit, t.Listener, err)
	}
	return taken, nil
}

// candidates locks due deliveries in order. Those that must wait for an
// earlier one with their key come out apart.
func (s *Store) candidates(tx *gorm.DB, t event.Take, limit int, lock string) (free, blocked []int64, err error) {
	err = query(tx, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		free = append(free, id)
		return err
	}, `SELECT d.id FROM event_deliveries AS d WHERE d.listener = ? AND d.due_at <= `+s.now+` ORDER BY d.due_at, d.id LIMIT ?`+lock, t.Listener, limit)
	if err == nil && t.Ordered && len(free) > 0 {
		free, blocked, err = s.inTurn(tx, free)
	}
	slices.Sort(free)
	slices.Sort(blocked)
	return free, blocked, err
}

func (s *Store) readBackTaken(ctx context.Context, ids []int64, listener, token string) ([]event.Delivery, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	out := make([]event.Delivery, 0, len(ids))
	err := query(s.db.WithContext(ctx), func(rows *sql.Rows) error {
		d := event.Delivery{Listener: listener, Token: token}
		var name, key, receipts sql.NullString
		var maxAttempts, age, size sql.NullInt64
		err := rows.Scan(&d.ID, &d.Event.ID, &d.Attempts, &d.Lost, &d.Redelivered, &key, &receipts,
			&name, &d.Event.Payload, &size, &maxAttempts, &age)
		if err != nil {
			return err
		}
		d.OrderingKey, d.Event.Name, d.Event.Size = key.String, name.String, size.Int64
		d.Event.MaxAttempts, d.Event.OccurredAt = int(maxAttempts.Int64), occurredAt(age)
		if receipts.String != "" {
			if err := json.Unmarshal([]byte(receipts.String), &d.Receipts); err != nil {
				return fmt.Errorf("receipts of delivery %d: %w", d.ID, err)
			}
		}
		out = append(out, d)
		return nil
	}, `SELECT d.id, d.event_id, d.attempts, d.lost, d.redelivered, d.ordering_key, d.receipts,
			e.event_name, CASE WHEN OCTET_LENGTH(e.payload) <= ? THEN e.payload END, OCTET_LENGTH(e.payload), e.max_attempts, `+s.age("e.create_datetime", s.queueNow)+`
		FROM event_deliveries AS d LEFT JOIN `+s.opt.Table+` AS e ON e.id = d.event_id
		WHERE d.id IN ? AND d.token = ? ORDER BY d.id`, s.opt.MaxPayload, ids, token)
	if err != nil {
		return nil, fmt.Errorf("read back claim: %w", err)
	}
	return out, nil
}
