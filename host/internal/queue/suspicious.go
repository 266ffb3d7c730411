package queue

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Suspicious is what in the queue's rows hints at a mistake around it.
type Suspicious struct {
	// Stuck events are processing, but no delivery of theirs is open, and have
	// been so for a while; StuckIDs are the first of them.
	Stuck    int
	StuckIDs []int64
	// Cut payloads have exactly the 65,535 bytes that a TEXT column holds.
	Cut    int
	CutIDs []int64
	// Foreign are events among the newest that somebody else has processed: a
	// worker of the application, most likely. Their names, each once.
	Foreign map[string]int
	// Ahead is how far the newest event was written in the database's future;
	// zero if it was not.
	Ahead time.Duration
	// Reused ids: the delivery of an event is older than the event itself, so
	// that it was laid out for another one with the same id. ReusedIDs are the first.
	Reused    int
	ReusedIDs []int64
	// Names of events among the newest, each once, with how many there are.
	Names map[string]int
}

const (
	// newest is how many rows Suspicious looks at.
	newest = 1000
	// stuckAfter is longer than any lease.
	stuckAfter = 2 * time.Hour
	// zones is more than two clocks differ that run in different zones.
	zones = 27 * time.Hour
)

// Suspicious looks at the newest thousand events and at those in processing.
func (s *Store) Suspicious(ctx context.Context) (Suspicious, error) {
	out := Suspicious{Foreign: make(map[string]int), Names: make(map[string]int)}
	err := query(s.db.WithContext(ctx), func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		out.StuckIDs = append(out.StuckIDs, id)
		return err
	}, `SELECT e.id FROM `+s.opt.Table+` AS e WHERE e.status = 'processing' AND COALESCE(e.update_datetime, e.create_datetime) < `+s.queueLater+`
		AND NOT EXISTS (SELECT 1 FROM event_deliveries AS d WHERE d.event_id = e.id AND d.due_at IS NOT NULL) ORDER BY e.id LIMIT ?`, s.after(-stuckAfter), MaxCount)
	if err != nil {
		return out, fmt.Errorf("look for stuck events: %w", err)
	}
	out.Stuck = len(out.StuckIDs)
	err = query(s.db.WithContext(ctx), func(rows *sql.Rows) error {
		var id int64
		var name, status string
		var size, age, laidOut sql.NullInt64
		if err := rows.Scan(&id, &name, &status, &size, &age, &laidOut); err != nil {
			return err
		}
		ours := laidOut.Valid
		if age.Valid && ours && laidOut.Int64-age.Int64 > zones.Microseconds() {
			out.Reused, out.ReusedIDs = out.Reused+1, append(out.ReusedIDs, id)
		}
		out.Names[name]++
		if size.Int64 == 65535 {
			out.Cut, out.CutIDs = out.Cut+1, append(out.CutIDs, id)
		}
		if status == "processed" && !ours {
			out.Foreign[name]++
		}
		if ahead := -time.Duration(age.Int64) * time.Microsecond; age.Valid && ahead > out.Ahead {
			out.Ahead = ahead
		}
		return nil
	}, `SELECT e.id, e.event_name, e.status, OCTET_LENGTH(e.payload), `+s.age("e.create_datetime", s.queueNow)+`,
			(SELECT `+s.age("d.created_at", s.now)+` FROM event_deliveries AS d WHERE d.event_id = e.id ORDER BY d.listener LIMIT 1)
		FROM `+s.opt.Table+` AS e ORDER BY e.id DESC LIMIT ?`, newest)
	if err != nil {
		return out, fmt.Errorf("look at the newest events: %w", err)
	}
	return out, nil
}

// Right is something that the account must be allowed to do.
type Right struct {
	What string
	// Err is why it is not; nil if it is.
	Err error
}

// Rights tries what a host does, with statements that change no row.
func (s *Store) Rights(ctx context.Context) []Right {
	out := []Right{
		{What: "SELECT on " + s.opt.Table, Err: s.try(ctx, `SELECT id FROM `+s.opt.Table+` WHERE 1 = 0`)},
		{What: "UPDATE on " + s.opt.Table, Err: s.try(ctx, `UPDATE `+s.opt.Table+` SET status = status WHERE 1 = 0`)},
	}
	for _, table := range []struct{ name, column string }{
		{"event_deliveries", "event_id"}, {"event_attempts", "event_id"}, {"event_listeners", "listener"}, {"event_locks", "name"}, {"event_keys", "dedup_key"},
	} {
		for verb, stmt := range map[string]string{
			"SELECT": `SELECT ` + table.column + ` FROM ` + table.name + ` WHERE 1 = 0`,
			"INSERT": `INSERT INTO ` + table.name + ` SELECT * FROM ` + table.name + ` WHERE 1 = 0`,
			"UPDATE": `UPDATE ` + table.name + ` SET ` + table.column + ` = ` + table.column + ` WHERE 1 = 0`,
			"DELETE": `DELETE FROM ` + table.name + ` WHERE 1 = 0`,
		} {
			if err := s.try(ctx, stmt); err != nil {
				out = append(out, Right{verb + " on " + table.name, err})
			}
		}
	}
	return out
}

func (s *Store) try(ctx context.Context, stmt string) error {
	rows, err := s.sql.QueryContext(ctx, stmt)
	if err != nil {
		return err
	}
	return rows.Close()
}

// Grants returns what the account may do, in MySQL's words; none for SQLite.
func (s *Store) Grants(ctx context.Context) ([]string, error) {
	if s.name == "sqlite" {
		return nil, nil
	}
	var out []string
	err := query(s.db.WithContext(ctx), func(rows *sql.Rows) error {
		var grant string
		err := rows.Scan(&grant)
		out = append(out, grant)
		return err
	}, `SHOW GRANTS`)
	if err != nil {
		return nil, fmt.Errorf("read grants: %w", err)
	}
	return out, nil
}
