package queue

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/earshot-host/earshot/host/internal/event"
)

// Planner says for each event, in the same order, who is told. It runs while
// rows are locked, and again if the transaction must be: it must be quick and
// change nothing.
type Planner = func([]event.Event) []event.Plan

// Claim takes up to limit due events in order, asks plan who is told, and lays
// out their deliveries, all in one transaction. Only what is still ours after
// the commit is returned: on a cluster, another node may have won.
//
// ordered says that plan may give ordering keys: claims then go one after the
// other over all hosts, so that deliveries are laid out in the order of their events.
func (s *Store) Claim(ctx context.Context, limit int, ordered bool, plan Planner) (event.Claim, error) {
	lock, err := s.claimLock(ctx)
	if err != nil {
		return event.Claim{}, err
	}
	if ordered {
		// A row that somebody holds for a moment must not be overtaken.
		lock = s.wait
	}
	token := rand.Text()
	var claim event.Claim
	var events []event.Event
	var leased bool
	err = s.write(ctx, func(tx *gorm.DB) error {
		claim, leased = event.Claim{}, false
		if ordered {
			if err := s.lockOrder(tx); err != nil {
				return err
			}
		}
		var err error
		var written []sql.NullString
		if events, written, err = s.pending(tx, limit, lock); err != nil || len(events) == 0 {
			return err
		}
		claim.Events = len(events)
		var l layout
		if l, claim.Refused, err = s.route(tx, events, written, plan(events)); err != nil {
			return err
		}
		leased = l.leased
		return s.layOut(tx, l, token)
	})
	if err != nil && (!leased || !s.severed(err)) {
		return event.Claim{}, fmt.Errorf("claim up to %d events: %w", limit, err)
	}
	// With err, the answer to the commit was lost on the way: the token tells
	// whether it was made.
	if leased {
		ds, rerr := s.readBack(ctx, events, token)
		switch {
		case err != nil && (rerr != nil || len(ds) == 0):
			return event.Claim{}, fmt.Errorf("claim up to %d events: %w", limit, err)
		case rerr != nil:
			return event.Claim{}, rerr
		}
		claim.Deliveries = ds
	}
	return claim, nil
}

// pending reads and locks due events. The index (status, scheduled_at, id)
// gives them in order, NULL first, so that no other row is locked. written is
// when the application says that it wrote each.
func (s *Store) pending(tx *gorm.DB, limit int, lock string) (events []event.Event, written []sql.NullString, err error) {
	events, written = make([]event.Event, 0, limit), make([]sql.NullString, 0, limit)
	err = query(tx, func(rows *sql.Rows) error {
		var ev event.Event
		var maxAttempts, age, size sql.NullInt64
		var at sql.NullString
		if err := rows.Scan(&ev.ID, &ev.Name, &ev.Payload, &size, &maxAttempts, &age, &at); err != nil {
			return err
		}
		ev.Size, ev.MaxAttempts, ev.OccurredAt = size.Int64, int(maxAttempts.Int64), occurredAt(age)
		events, written = append(events, ev), append(written, at)
		return nil
	}, `SELECT e.id, e.event_name, CASE WHEN OCTET_LENGTH(e.payload) <= ? THEN e.payload END, OCTET_LENGTH(e.payload), e.max_attempts, `+s.age("e.create_datetime", s.queueNow)+`,
			CAST(e.create_datetime AS CHAR)
		FROM `+s.opt.Table+` AS e
		WHERE e.status = 'pending' AND (e.scheduled_at IS NULL OR e.scheduled_at <= `+s.queueNow+`)
		ORDER BY e.scheduled_at, e.id LIMIT ?`+lock, s.opt.MaxPayload, limit)
	return events, written, err
}

// occurredAt turns an age by the database's clock into a time, whatever zone
// the column was written in.
func occurredAt(age sql.NullInt64) time.Time {
	if !age.Valid {
		return time.Time{}
	}
	return time.Now().Add(-time.Duration(age.Int64) * time.Microsecond).UTC()
}

// route writes what the plans make of the events' own rows and returns the
// deliveries to lay out.
func (s *Store) route(tx *gorm.DB, events []event.Event, written []sql.NullString, plans []event.Plan) (l layout, refused int, err error) {
	var quiet []int64
	for i, p := range plans {
		ev := events[i]
		switch {
		case p.Refused != "":
			refused++
			if err := s.refuse(tx, ev.ID, p.Refused); err != nil {
				return l, refused, err
			}
		case len(p.Targets) == 0:
			quiet = append(quiet, ev.ID)
		default:
			l.add(ev.ID, written[i], p.Targets)
		}
	}
	if err := s.setStatus(tx, quiet, "processed"); err != nil {
		return l, refused, err
	}
	return l, refused, s.setStatus(tx, l.events, "processing")
}

// errRaced says that another claimer took some of the same events, on a server
// whose locks did not keep it off: the claim starts anew.
var errRaced = errors.New("another host claimed the same events")

// setStatus moves pending events on.
func (s *Store) setStatus(tx *gorm.DB, ids []int64, status string) error {
	if len(ids) == 0 {
		return nil
	}
	processedAt := "processed_at"
	if status == "processed" {
		processedAt = s.queueNow
	}
	res := tx.Exec(`UPDATE `+s.opt.Table+` SET status = ?, processed_at = `+processedAt+`, update_datetime = `+s.queueNow+`
		WHERE id IN ? AND status = 'pending'`, status, ids)
	if res.Error == nil && res.RowsAffected != int64(len(ids)) {
		return errRaced
	}
	return res.Error
}

func (s *Store) refuse(tx *gorm.DB, id int64, reason string) error {
	return tx.Exec(`UPDATE `+s.opt.Table+` SET status = 'failed', error_message = ?, update_datetime = `+s.queueNow+`
		WHERE id = ? AND status = 'pending'`, clip(reason), id).Error
}

// readBack finds which deliveries of freshly claimed events carry our token.
func (s *Store) readBack(ctx context.Context, events []event.Event, token string) ([]event.Delivery, error) {
	byID := make(map[int64]event.Event, len(events))
	ids := make([]int64, len(events))
	for i, ev := range events {
		byID[ev.ID], ids[i] = ev, ev.ID
	}
	out := make([]event.Delivery, 0, 2*len(events))
	err := query(s.db.WithContext(ctx), func(rows *sql.Rows) error {
		d := event.Delivery{Token: token}
		var eventID int64
		if err := rows.Scan(&d.ID, &eventID, &d.Listener); err != nil {
			return err
		}
		d.Event = byID[eventID]
		out = append(out, d)
		return nil
	}, `SELECT id, event_id, listener FROM event_deliveries WHERE event_id IN ? AND token = ?`, ids, token)
	if err != nil {
		return nil, fmt.Errorf("read back claim: %w", err)
	}
	slices.SortFunc(out, func(a, b event.Delivery) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}
