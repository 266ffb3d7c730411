package queue

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
)

// MaxCount is where counts of rows end: a count that reaches it means "at least
// as many". Counting all of a big table would take longer than anybody waits.
const MaxCount = 10_000

// ListenerRow is how one listener stands, for all hosts.
type ListenerRow struct {
	Listener string `json:"listener"`
	// State is "ready"; "paused", by a person, until resumed; "held", by a host,
	// until HeldUntil; or "probing": a hold has ended, and one delivery goes first.
	State     string     `json:"state"`
	Paused    *time.Time `json:"paused_at,omitempty"`
	HeldSince *time.Time `json:"held_since,omitempty"`
	HeldUntil *time.Time `json:"held_until,omitempty"`
	Reason    string     `json:"reason,omitempty"`
	// Crashes since CrashesSince; they lapse after event.CrashWindow.
	Crashes      int        `json:"crashes,omitempty"`
	CrashesSince *time.Time `json:"crashes_since,omitempty"`
	// Open counts deliveries that have not ended, Running those of them that a
	// host holds, Due those that could go now, Dead those given up. All stop at MaxCount.
	Open    int `json:"open"`
	Running int `json:"running"`
	Due     int `json:"due"`
	Dead    int `json:"dead"`
	// OldestDue is since when the longest waiting of them could go.
	OldestDue *time.Time `json:"oldest_due_at,omitempty"`
	// LastDelivered is the latest of the last few hundred to have been laid out.
	LastDelivered *time.Time `json:"last_delivered_at,omitempty"`
}

// Listeners returns how every listener stands that has ever been told of an
// event, or was paused or held, by name. One that events.yaml has just got is
// not among them.
func (s *Store) Listeners(ctx context.Context) ([]ListenerRow, error) {
	rows := []ListenerRow{}
	fail := func(err error) ([]ListenerRow, error) { return nil, fmt.Errorf("list listeners: %w", err) }
	names, err := s.listenerNames(ctx)
	if err != nil {
		return fail(err)
	}
	dead, err := s.deadByListener(ctx)
	if err != nil {
		return fail(err)
	}
	for _, name := range names {
		r := ListenerRow{Listener: name, State: "ready", Dead: dead[name]}
		if err := s.standing(ctx, &r); err != nil {
			return fail(err)
		}
		if err := s.backlog(ctx, &r); err != nil {
			return fail(err)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// listenerNames hops along the index from one name to the next: DISTINCT would
// read every entry of it.
func (s *Store) listenerNames(ctx context.Context) ([]string, error) {
	db := s.db.WithContext(ctx)
	var names []string
	err := query(db, func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		names = append(names, name)
		return err
	}, `SELECT listener FROM event_listeners`)
	for last, found := "", true; found && err == nil; {
		found = false
		err = query(db, func(rows *sql.Rows) error {
			found = true
			if err := rows.Scan(&last); err != nil {
				return err
			}
			names = append(names, last)
			return nil
		}, `SELECT listener FROM event_deliveries WHERE listener > ? ORDER BY listener LIMIT 1`, last)
	}
	slices.Sort(names)
	return slices.Compact(names), err
}

// deadByListener goes by the events that can have dead deliveries, which are
// few and have an index; deliveries have none by state.
func (s *Store) deadByListener(ctx context.Context) (map[string]int, error) {
	dead := make(map[string]int)
	for _, status := range []string{"failed", "processing"} {
		err := query(s.db.WithContext(ctx), func(rows *sql.Rows) error {
			var name string
			var n int
			err := rows.Scan(&name, &n)
			dead[name] = min(dead[name]+n, MaxCount)
			return err
		}, `SELECT d.listener, COUNT(*) FROM (SELECT id FROM `+s.opt.Table+` WHERE status = ? LIMIT ?) AS e
			JOIN event_deliveries AS d ON d.event_id = e.id WHERE d.state = 'dead' GROUP BY d.listener`, status, MaxCount)
		if err != nil {
			return nil, err
		}
	}
	return dead, nil
}

func (s *Store) standing(ctx context.Context, r *ListenerRow) error {
	return query(s.db.WithContext(ctx), func(rows *sql.Rows) error {
		var holds int
		var held bool
		var reason sql.NullString
		err := rows.Scan(&r.Paused, &r.HeldSince, &r.HeldUntil, &held, &holds, &reason, &r.Crashes, &r.CrashesSince)
		r.Reason = reason.String
		switch {
		case r.Paused != nil:
			r.State = "paused"
		case held:
			r.State = "held"
		case holds > 0:
			r.State = "probing"
		}
		return err
	}, `SELECT paused_at, held_since, held_until, COALESCE(held_until > `+s.now+`, FALSE), holds, reason, crashes, crashes_since
		FROM event_listeners WHERE listener = ?`, r.Listener)
}

func (s *Store) backlog(ctx context.Context, r *ListenerRow) error {
	db := s.db.WithContext(ctx)
	err := query(db, func(rows *sql.Rows) error { return rows.Scan(&r.Open, &r.Running) },
		`SELECT COUNT(*), COUNT(token) FROM (SELECT token FROM event_deliveries WHERE listener = ? AND due_at IS NOT NULL LIMIT ?) AS o`, r.Listener, MaxCount)
	if err != nil {
		return err
	}
	err = query(db, func(rows *sql.Rows) error { return rows.Scan(&r.Due) },
		`SELECT COUNT(*) FROM (SELECT 1 FROM event_deliveries WHERE listener = ? AND due_at <= `+s.now+` LIMIT ?) AS o`, r.Listener, MaxCount)
	if err != nil {
		return err
	}
	err = query(db, func(rows *sql.Rows) error { return rows.Scan(&r.OldestDue) },
		`SELECT due_at FROM event_deliveries WHERE listener = ? AND due_at <= `+s.now+` ORDER BY due_at LIMIT 1`, r.Listener)
	if err != nil {
		return err
	}
	return query(db, func(rows *sql.Rows) error {
		var at *time.Time
		var state string
		err := rows.Scan(&at, &state)
		if at != nil && state == "delivered" && (r.LastDelivered == nil || at.After(*r.LastDelivered)) {
			r.LastDelivered = at
		}
		return err
	}, `SELECT finished_at, state FROM event_deliveries WHERE listener = ? AND due_at IS NULL ORDER BY id DESC LIMIT 200`, r.Listener)
}

// Pause keeps a listener's deliveries in the queue, on every host, until
// Resume. Calls that run end as they would. It reports whether it was not
// paused before.
func (s *Store) Pause(ctx context.Context, listener string) (changed bool, err error) {
	err = s.write(ctx, func(tx *gorm.DB) error {
		if err := s.ensureListener(tx, listener); err != nil {
			return err
		}
		res := tx.Exec(`UPDATE event_listeners SET paused_at = `+s.now+` WHERE listener = ? AND paused_at IS NULL`, listener)
		changed = res.RowsAffected == 1
		return res.Error
	})
	if err != nil {
		return false, fmt.Errorf("pause listener %s: %w", listener, err)
	}
	return changed, nil
}

// Resume ends what keeps a listener back, a pause as well as a hold of the
// hosts', and makes due what waits for the end of the hold. It reports whether
// there was anything to end.
func (s *Store) Resume(ctx context.Context, listener string) (changed bool, err error) {
	err = s.write(ctx, func(tx *gorm.DB) error {
		var until *time.Time
		err := query(tx, func(rows *sql.Rows) error { return rows.Scan(&until) },
			`SELECT held_until FROM event_listeners WHERE listener = ? AND held_until > `+s.now+s.wait, listener)
		if err != nil {
			return err
		}
		if until != nil {
			// Each was put off to about when the hold ends; a retry far off stays so.
			err := tx.Exec(`UPDATE event_deliveries SET due_at = `+s.now+`
				WHERE listener = ? AND due_at > `+s.now+` AND token IS NULL
					AND due_at <= (SELECT held_until FROM event_listeners WHERE listener = ?)`, listener, listener).Error
			if err != nil {
				return err
			}
		}
		res := tx.Exec(`UPDATE event_listeners SET paused_at = NULL, held_since = NULL, held_until = NULL, holds = 0, reason = NULL,
				crashes = 0, crashes_since = NULL
			WHERE listener = ? AND (paused_at IS NOT NULL OR holds > 0 OR crashes > 0)`, listener)
		changed = res.RowsAffected == 1
		return res.Error
	})
	if err != nil {
		return false, fmt.Errorf("resume listener %s: %w", listener, err)
	}
	return changed, nil
}
