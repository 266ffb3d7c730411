package queue

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/earshot-host/earshot/host/internal/event"
)

// planned is one row of event_deliveries to be laid out.
type planned struct {
	eventID int64
	event.Target
}

// Claim takes up to limit due events in order, asks plan who is told, and lays
// out their deliveries, all in one transaction. Only what is still ours after
// the commit is returned: on a cluster, another node may have won.
//
// plan is called once per event and must be quick: it runs while rows are locked.
func (s *Store) Claim(ctx context.Context, limit int, plan func(event.Event) event.Plan) (event.Claim, error) {
	token := rand.Text()
	var events []event.Event
	leased := false
	err := s.write(ctx, func(tx *gorm.DB) error {
		var err error
		if events, err = s.pending(tx, limit); err != nil || len(events) == 0 {
			return err
		}
		var ids, quiet []int64
		var rows []planned
		for _, ev := range events {
			p := plan(ev)
			switch {
			case p.Refused != "":
				if err := s.refuse(tx, ev.ID, p.Refused); err != nil {
					return err
				}
			case len(p.Targets) == 0:
				quiet = append(quiet, ev.ID)
			default:
				ids = append(ids, ev.ID)
				for _, t := range p.Targets {
					rows = append(rows, planned{ev.ID, t})
					leased = leased || t.Lease
				}
			}
		}
		if err := s.setStatus(tx, quiet, "processed"); err != nil {
			return err
		}
		if err := s.setStatus(tx, ids, "processing"); err != nil {
			return err
		}
		return s.layOut(tx, ids, rows, token)
	})
	if err != nil {
		return event.Claim{}, fmt.Errorf("claim up to %d events: %w", limit, err)
	}
	claim := event.Claim{Events: len(events)}
	if leased {
		claim.Deliveries, err = s.readBackEvents(ctx, events, token)
	}
	return claim, err
}

// pending reads and locks due events. The index (status, scheduled_at, id)
// gives them in order, NULL first, so that no other row is locked.
func (s *Store) pending(tx *gorm.DB, limit int) ([]event.Event, error) {
	var events []event.Event
	err := query(tx, func(rows *sql.Rows) error {
		var ev event.Event
		var maxAttempts, age, size sql.NullInt64
		if err := rows.Scan(&ev.ID, &ev.Name, &ev.Payload, &size, &maxAttempts, &age); err != nil {
			return err
		}
		ev.Size, ev.MaxAttempts, ev.OccurredAt = size.Int64, int(maxAttempts.Int64), occurredAt(age)
		events = append(events, ev)
		return nil
	}, `SELECT e.id, e.event_name, CASE WHEN OCTET_LENGTH(e.payload) <= ? THEN e.payload END, OCTET_LENGTH(e.payload), e.max_attempts, `+s.age+`
		FROM `+s.opt.Table+` AS e
		WHERE e.status = 'pending' AND (e.scheduled_at IS NULL OR e.scheduled_at <= `+s.queueNow+`)
		ORDER BY e.scheduled_at, e.id LIMIT ?`+s.lock, s.opt.MaxPayload, limit)
	return events, err
}

// occurredAt turns an age by the database's clock into a time, whatever zone
// the column was written in.
func occurredAt(age sql.NullInt64) time.Time {
	if !age.Valid {
		return time.Time{}
	}
	return time.Now().Add(-time.Duration(age.Int64) * time.Microsecond).UTC()
}

// setStatus moves pending events on; the guard leaves alone what another claimer took.
func (s *Store) setStatus(tx *gorm.DB, ids []int64, status string) error {
	if len(ids) == 0 {
		return nil
	}
	processedAt := "processed_at"
	if status == "processed" {
		processedAt = s.queueNow
	}
	return tx.Exec(`UPDATE `+s.opt.Table+` SET status = ?, processed_at = `+processedAt+`, update_datetime = `+s.queueNow+`
		WHERE id IN ? AND status = 'pending'`, status, ids).Error
}

func (s *Store) refuse(tx *gorm.DB, id int64, reason string) error {
	return tx.Exec(`UPDATE `+s.opt.Table+` SET status = 'failed', error_message = ?, update_datetime = `+s.queueNow+`
		WHERE id = ? AND status = 'pending'`, clip(reason), id).Error
}

// layOut inserts the deliveries. Rows that exist belong to an event that was
// set to pending again: what was delivered stays so, what was dead is reopened.
func (s *Store) layOut(tx *gorm.DB, ids []int64, rows []planned, token string) error {
	var inserted int64
	// SQLite takes 32,766 parameters in a statement.
	for part := range slices.Chunk(rows, 4000) {
		n, err := s.insertDeliveries(tx, part, token)
		if err != nil {
			return err
		}
		inserted += n
	}
	if inserted == int64(len(rows)) {
		return nil
	}
	byListener := make(map[string][]int64)
	for _, r := range rows {
		byListener[r.Listener] = append(byListener[r.Listener], r.eventID)
	}
	for listener, eventIDs := range byListener {
		err := tx.Exec(`UPDATE event_deliveries SET state = ?, due_at = `+s.now+`, token = NULL, attempts = 0, lost = 0, finished_at = NULL
			WHERE listener = ? AND event_id IN ? AND state = ?`, event.Open, listener, eventIDs, event.Dead).Error
		if err != nil {
			return err
		}
	}
	return s.rollUp(tx, ids)
}

func (s *Store) insertDeliveries(tx *gorm.DB, rows []planned, token string) (int64, error) {
	var b strings.Builder
	b.WriteString("INSERT INTO event_deliveries (event_id, listener, state, due_at, token, host, ordering_key, created_at) VALUES ")
	args := make([]any, 0, 6*len(rows))
	for i, r := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		args = append(args, r.eventID, r.Listener)
		if r.Lease {
			b.WriteString("(?, ?, 'open', " + s.later + ", ?, ?, ?, " + s.now + ")")
			args = append(args, s.after(s.opt.Lease), token, s.opt.Host)
		} else {
			b.WriteString("(?, ?, 'open', " + s.now + ", NULL, NULL, ?, " + s.now + ")")
		}
		args = append(args, sql.NullString{String: r.OrderingKey, Valid: r.OrderingKey != ""})
	}
	b.WriteString(s.ignore)
	res := tx.Exec(b.String(), args...)
	return res.RowsAffected, res.Error
}

// readBackEvents finds which deliveries of freshly claimed events carry our token.
func (s *Store) readBackEvents(ctx context.Context, events []event.Event, token string) ([]event.Delivery, error) {
	byID := make(map[int64]event.Event, len(events))
	ids := make([]int64, len(events))
	for i, ev := range events {
		byID[ev.ID], ids[i] = ev, ev.ID
	}
	var out []event.Delivery
	err := query(s.db.WithContext(ctx), func(rows *sql.Rows) error {
		d := event.Delivery{Token: token}
		var eventID int64
		if err := rows.Scan(&d.ID, &eventID, &d.Listener); err != nil {
			return err
		}
		d.Event = byID[eventID]
		out = append(out, d)
		return nil
	}, `SELECT id, event_id, listener FROM event_deliveries WHERE event_id IN ? AND token = ? ORDER BY id`, ids, token)
	if err != nil {
		return nil, fmt.Errorf("read back claim: %w", err)
	}
	return out, nil
}

// ClaimDue leases up to limit deliveries of one listener that are due: new ones
// that found no free slot, retries, and those whose host died in the middle.
func (s *Store) ClaimDue(ctx context.Context, listener string, limit int) ([]event.Delivery, error) {
	token := rand.Text()
	var ids []int64
	err := s.write(ctx, func(tx *gorm.DB) error {
		ids = ids[:0]
		err := query(tx, func(rows *sql.Rows) error {
			var id int64
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		}, `SELECT id FROM event_deliveries WHERE listener = ? AND due_at <= `+s.now+` ORDER BY due_at, id LIMIT ?`+s.lock, listener, limit)
		if err != nil || len(ids) == 0 {
			return err
		}
		slices.Sort(ids)
		// A token still set is a lease that ran out: nobody knows what came of it.
		return tx.Exec(`UPDATE event_deliveries SET redelivered = CASE WHEN token IS NULL THEN redelivered ELSE TRUE END,
			token = ?, host = ?, due_at = `+s.later+` WHERE id IN ? AND due_at <= `+s.now,
			token, s.opt.Host, s.after(s.opt.Lease), ids).Error
	})
	if err == nil && len(ids) > 0 {
		var out []event.Delivery
		if out, err = s.readBackDue(ctx, ids, listener, token); err == nil {
			return out, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("claim up to %d due deliveries of %s: %w", limit, listener, err)
	}
	return nil, nil
}

func (s *Store) readBackDue(ctx context.Context, ids []int64, listener, token string) ([]event.Delivery, error) {
	var out []event.Delivery
	err := query(s.db.WithContext(ctx), func(rows *sql.Rows) error {
		d := event.Delivery{Listener: listener, Token: token}
		var name, receipts sql.NullString
		var maxAttempts, age, size sql.NullInt64
		err := rows.Scan(&d.ID, &d.Event.ID, &d.Attempts, &d.Lost, &d.Redelivered, &receipts,
			&name, &d.Event.Payload, &size, &maxAttempts, &age)
		if err != nil {
			return err
		}
		d.Event.Name, d.Event.Size = name.String, size.Int64
		d.Event.MaxAttempts, d.Event.OccurredAt = int(maxAttempts.Int64), occurredAt(age)
		if receipts.String != "" {
			if err := json.Unmarshal([]byte(receipts.String), &d.Receipts); err != nil {
				return fmt.Errorf("receipts of delivery %d: %w", d.ID, err)
			}
		}
		out = append(out, d)
		return nil
	}, `SELECT d.id, d.event_id, d.attempts, d.lost, d.redelivered, d.receipts,
			e.event_name, CASE WHEN OCTET_LENGTH(e.payload) <= ? THEN e.payload END, OCTET_LENGTH(e.payload), e.max_attempts, `+s.age+`
		FROM event_deliveries AS d LEFT JOIN `+s.opt.Table+` AS e ON e.id = d.event_id
		WHERE d.id IN ? AND d.token = ? ORDER BY d.id`, s.opt.MaxPayload, ids, token)
	return out, err
}
