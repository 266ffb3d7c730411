package queue

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Statuses are all that an event's status can be, in the order of its life.
func Statuses() []string { return []string{"pending", "processing", "processed", "failed"} }

// Stats is how the queue stands. Counts stop at MaxStat.
type Stats struct {
	Events map[string]int `json:"events"`
	// Due counts pending events that could be claimed now, Later those that
	// are scheduled.
	Due   int `json:"due"`
	Later int `json:"later"`
	// OldestDueAge is for how many seconds the longest waiting event could
	// have been claimed; zero if none is due.
	OldestDueAge float64 `json:"oldest_due_age_seconds"`
	// Now is the database's clock, as its own text.
	Now string `json:"database_time"`
}

// MaxStat is where the counts of Stats end.
const MaxStat = 100_000

// Stats counts by index, and reads no row of the table but the first due ones.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	st := Stats{Events: make(map[string]int)}
	for _, status := range Statuses() {
		n, err := s.atMost(ctx, MaxStat, `FROM `+s.opt.Table+` WHERE status = ?`, status)
		if err != nil {
			return Stats{}, fmt.Errorf("count events: %w", err)
		}
		st.Events[status] = n
	}
	var err error
	if st.Later, err = s.atMost(ctx, MaxStat, `FROM `+s.opt.Table+` WHERE status = 'pending' AND scheduled_at > `+s.queueNow); err == nil {
		st.Due, err = s.atMost(ctx, MaxStat, `FROM `+s.opt.Table+` WHERE status = 'pending' AND (scheduled_at IS NULL OR scheduled_at <= `+s.queueNow+`)`)
	}
	if err != nil {
		return Stats{}, fmt.Errorf("count due events: %w", err)
	}
	age, err := s.OldestDue(ctx)
	if err != nil {
		return Stats{}, err
	}
	st.OldestDueAge = age.Seconds()
	err = query(s.db.WithContext(ctx), func(rows *sql.Rows) error { return rows.Scan(&st.Now) }, `SELECT CAST(`+s.queueNow+` AS CHAR)`)
	return st, err
}

// OldestDue returns for how long the longest waiting due event has waited; zero
// if none is due.
func (s *Store) OldestDue(ctx context.Context) (time.Duration, error) {
	var oldest time.Duration
	// A NULL is due since it was written: those come first in the index, and
	// the first id among them is the oldest.
	for from, where := range map[string]string{
		"create_datetime": "scheduled_at IS NULL ORDER BY id",
		"scheduled_at":    "scheduled_at <= " + s.queueNow + " ORDER BY scheduled_at, id",
	} {
		var micros sql.NullInt64
		err := query(s.db.WithContext(ctx), func(rows *sql.Rows) error { return rows.Scan(&micros) },
			`SELECT `+s.age(from, s.queueNow)+` FROM `+s.opt.Table+` WHERE status = 'pending' AND `+where+` LIMIT 1`)
		if err != nil {
			return 0, fmt.Errorf("look for the oldest due event: %w", err)
		}
		oldest = max(oldest, time.Duration(micros.Int64)*time.Microsecond)
	}
	return oldest, nil
}

// atMost counts rows, and stops at limit.
func (s *Store) atMost(ctx context.Context, limit int, from string, args ...any) (n int, err error) {
	err = query(s.db.WithContext(ctx), func(rows *sql.Rows) error { return rows.Scan(&n) },
		`SELECT COUNT(*) FROM (SELECT 1 `+from+` LIMIT ?) AS counted`, append(args, limit)...)
	return n, err
}

// Group is what events have in common, and how many of them there are.
type Group struct {
	Value string `json:"value"`
	// Status of the events that were counted.
	Status string `json:"status"`
	Events int    `json:"events"`
}

// GroupBy counts events that have not been processed, by "event" or "error",
// the largest group first. Of each status it looks at MaxCount events at most.
func (s *Store) GroupBy(ctx context.Context, what string) ([]Group, error) {
	column, ok := map[string]string{"event": "event_name", "error": "COALESCE(SUBSTR(error_message, 1, 200), '')"}[what]
	if !ok {
		return nil, fmt.Errorf("group events by %s: it is event or error", what)
	}
	groups := []Group{}
	err := query(s.db.WithContext(ctx), func(rows *sql.Rows) error {
		var g Group
		err := rows.Scan(&g.Value, &g.Status, &g.Events)
		groups = append(groups, g)
		return err
	}, `SELECT value, status, COUNT(*) FROM (
			SELECT * FROM (SELECT `+column+` AS value, status FROM `+s.opt.Table+` WHERE status = 'failed' LIMIT ?) AS f
			UNION ALL SELECT * FROM (SELECT `+column+` AS value, status FROM `+s.opt.Table+` WHERE status = 'processing' LIMIT ?) AS g
			UNION ALL SELECT * FROM (SELECT `+column+` AS value, status FROM `+s.opt.Table+` WHERE status = 'pending' LIMIT ?) AS w) AS looked
		GROUP BY value, status ORDER BY COUNT(*) DESC, value, status LIMIT 100`, MaxCount, MaxCount, MaxCount)
	if err != nil {
		return nil, fmt.Errorf("group events by %s: %w", what, err)
	}
	return groups, nil
}
