package queue

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// Server is what the database says of itself.
type Server struct {
	// Kind is MySQL, MariaDB or SQLite.
	Kind    string
	Version string
	// Latency is of one small statement, the least of three.
	Latency time.Duration
	// Skew is how far the database's clock is ahead of this machine's.
	Skew time.Duration
	// Mode is MySQL's sql_mode.
	Mode string
	// Galera holds wsrep_% of a cluster's node; empty elsewhere.
	Galera map[string]string
	// File is SQLite's.
	File string
}

// Strict reports whether a text that is too long is refused, and not cut.
func (s Server) Strict() bool {
	return s.Kind == "SQLite" || strings.Contains(s.Mode, "STRICT_TRANS_TABLES") || strings.Contains(s.Mode, "STRICT_ALL_TABLES")
}

// Server asks the database about itself.
func (s *Store) Server(ctx context.Context) (Server, error) {
	out := Server{Kind: "SQLite", Galera: make(map[string]string)}
	statement := "SELECT sqlite_version(), '', (julianday('now') - 2440587.5) * 86400"
	if s.name == "mysql" {
		statement = "SELECT VERSION(), @@GLOBAL.sql_mode, UNIX_TIMESTAMP(NOW(6))"
	} else {
		out.File = s.opt.DSN
	}
	for range 3 {
		var seconds float64
		start := time.Now()
		err := s.sql.QueryRowContext(ctx, statement).Scan(&out.Version, &out.Mode, &seconds)
		took := time.Since(start)
		if err != nil {
			return Server{}, fmt.Errorf("ask the database about itself: %w", err)
		}
		if out.Latency == 0 || took < out.Latency {
			out.Latency = took
			out.Skew = time.UnixMicro(int64(seconds * 1e6)).Sub(start.Add(took / 2))
		}
	}
	if s.name != "mysql" {
		return out, nil
	}
	out.Kind = "MySQL"
	if strings.Contains(out.Version, "MariaDB") {
		out.Kind = "MariaDB"
	}
	err := s.pairs(ctx, `SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_ready', 'wsrep_cluster_status', 'wsrep_local_state_comment', 'wsrep_cluster_size')`, out.Galera)
	if err == nil {
		err = s.pairs(ctx, `SHOW GLOBAL VARIABLES WHERE Variable_name IN ('wsrep_on', 'wsrep_sync_wait')`, out.Galera)
	}
	if err != nil {
		return Server{}, fmt.Errorf("ask about the cluster: %w", err)
	}
	return out, nil
}

func (s *Store) pairs(ctx context.Context, stmt string, into map[string]string) error {
	return query(s.db.WithContext(ctx), func(rows *sql.Rows) error {
		var name, value string
		err := rows.Scan(&name, &value)
		into[name] = value
		return err
	}, stmt)
}

// claimShape is what decides how a claim finds its rows.
func (s *Store) claimShape() string {
	return `WHERE e.status = 'pending' AND (e.scheduled_at IS NULL OR e.scheduled_at <= ` + s.queueNow + `)
		ORDER BY e.scheduled_at, e.id LIMIT `
}

// ClaimPlan is how the database would find due events.
type ClaimPlan struct {
	// Index is the one that leads in order to due events; empty if there is none.
	Index string
	// Explained is the database's own description, on one line.
	Explained string
	// Create is the statement that makes the index.
	Create string
}

// ExplainClaim asks for the plan of a claim. Whether it is good is told by the
// indexes that there are: of a small table, every plan is good enough.
func (s *Store) ExplainClaim(ctx context.Context) (ClaimPlan, error) {
	out := ClaimPlan{Create: "CREATE INDEX earshot_due ON " + s.opt.Table + " (status, scheduled_at, id)"}
	explain := "EXPLAIN "
	if s.name == "sqlite" {
		explain = "EXPLAIN QUERY PLAN "
	}
	var steps []string
	err := s.table(ctx, explain+`SELECT e.id FROM `+s.opt.Table+` AS e `+s.claimShape()+`100`, func(row map[string]string) {
		if s.name == "sqlite" {
			steps = append(steps, row["detail"])
			return
		}
		key := row["key"]
		if key == "" {
			key = "none"
		}
		steps = append(steps, strings.TrimSpace(fmt.Sprintf("%s, index %s, about %s rows, %s", row["type"], key, row["rows"], row["Extra"])))
	})
	if err != nil {
		return ClaimPlan{}, fmt.Errorf("explain a claim: %w", err)
	}
	out.Explained = strings.Join(steps, "; ")
	indexes, err := s.indexes(ctx)
	if err != nil {
		return ClaimPlan{}, fmt.Errorf("list the indexes of %s: %w", s.opt.Table, err)
	}
	for name, columns := range indexes {
		// Every index ends with the primary key of its own.
		if strings.HasPrefix(strings.ToLower(columns)+",", "status,scheduled_at,") && (strings.Count(columns, ",") == 1 || strings.HasPrefix(columns, "status,scheduled_at,id")) {
			out.Index = name
		}
	}
	return out, nil
}

// indexes returns the columns of each index of the queue, with commas between.
func (s *Store) indexes(ctx context.Context) (map[string]string, error) {
	out := make(map[string]string)
	stmt, args := `SELECT index_name, column_name FROM information_schema.statistics
		WHERE table_schema = DATABASE() AND table_name = ? ORDER BY index_name, seq_in_index`, []any{s.opt.Table}
	if s.name == "sqlite" {
		stmt = `SELECT l.name, i.name FROM pragma_index_list(?) AS l, pragma_index_info(l.name) AS i ORDER BY l.name, i.seqno`
	}
	err := query(s.db.WithContext(ctx), func(rows *sql.Rows) error {
		var name string
		var column sql.NullString
		err := rows.Scan(&name, &column)
		if out[name] != "" {
			out[name] += ","
		}
		out[name] += column.String
		return err
	}, stmt, args...)
	return out, err
}

// table reads rows of which only the names of some columns are known.
func (s *Store) table(ctx context.Context, stmt string, row func(map[string]string)) error {
	rows, err := s.sql.QueryContext(ctx, stmt)
	if err != nil {
		return err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		values := make([]sql.NullString, len(names))
		into := make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		m := make(map[string]string, len(names))
		for i, n := range names {
			m[n] = values[i].String
		}
		row(m)
	}
	return rows.Err()
}

// Column is one column of the queue as the database describes it.
type Column struct{ Name, Type string }

// Columns lists the queue's columns; empty if there is no such table.
func (s *Store) Columns(ctx context.Context) ([]Column, error) {
	stmt := `SELECT column_name, column_type FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? ORDER BY ordinal_position`
	if s.name == "sqlite" {
		stmt = `SELECT name, type FROM pragma_table_info(?)`
	}
	var out []Column
	err := query(s.db.WithContext(ctx), func(rows *sql.Rows) error {
		var c Column
		err := rows.Scan(&c.Name, &c.Type)
		c.Type = strings.ToLower(c.Type)
		out = append(out, c)
		return err
	}, stmt, s.opt.Table)
	if err != nil {
		return nil, fmt.Errorf("list the columns of %s: %w", s.opt.Table, err)
	}
	return out, nil
}

// QueueTables lists tables whose names look like that of a queue.
func (s *Store) QueueTables(ctx context.Context) ([]string, error) {
	stmt := `SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name LIKE '%event!_queue' ESCAPE '!' ORDER BY table_name`
	if s.name == "sqlite" {
		stmt = `SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%event!_queue' ESCAPE '!' ORDER BY name`
	}
	var out []string
	err := query(s.db.WithContext(ctx), func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		out = append(out, name)
		return err
	}, stmt)
	if err != nil {
		return nil, fmt.Errorf("look for a queue: %w", err)
	}
	return out, nil
}
