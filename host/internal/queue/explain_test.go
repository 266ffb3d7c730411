package queue

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/migrate"
	"github.com/earshot-host/earshot/host/internal/testdb"
)

// statements keeps what is sent to the database.
type statements struct {
	logger.Interface
	seen map[string]string // by shape
}

var values = regexp.MustCompile(`'[^']*'|\b\d+\b`)

func (s *statements) Trace(_ context.Context, _ time.Time, fc func() (string, int64), _ error) {
	stmt, _ := fc()
	shape := values.ReplaceAllString(stmt, "?")
	for strings.Contains(shape, "?,?,?") {
		shape = strings.ReplaceAll(shape, "?,?,?", "?,?")
	}
	s.seen[shape] = stmt
}

// Every statement on an event's way finds its rows by an index and needs no
// sorting, however many events have been before.
func TestNoStatementOnAnEventsWayScansOrSorts(t *testing.T) {
	db := testdb.MySQL(t)
	s, err := Open(t.Context(), Options{Driver: db.Driver, DSN: db.DSN})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m, err := migrate.New(s.SQL(), db.Driver, false)
	if err == nil {
		_, err = m.Up(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	exec := func(stmt string) {
		t.Helper()
		if _, err := s.SQL().ExecContext(t.Context(), stmt); err != nil {
			t.Fatalf("%s: %v", stmt, err)
		}
	}
	exec(`INSERT INTO event_queue (event_name, payload, status) WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 900)
		SELECT 'order.paid', '{}', 'processed' FROM n`)
	exec(`INSERT INTO event_queue (event_name, payload, status) SELECT a.event_name, a.payload, a.status FROM event_queue AS a JOIN event_queue AS b ON b.id <= 20`)
	exec(`INSERT INTO event_deliveries (event_id, listener, state, ordering_key, created_at) SELECT id, 'email', 'delivered', id % 500, NOW() FROM event_queue`)
	exec(`INSERT INTO event_queue (event_name, payload) SELECT event_name, payload FROM event_queue LIMIT 300`)
	exec(`ANALYZE TABLE event_queue, event_deliveries`)

	seen := &statements{Interface: logger.Discard, seen: make(map[string]string)}
	s.db = s.db.Session(&gorm.Session{Logger: seen})
	walk(t, s)
	if len(seen.seen) < 15 {
		t.Fatalf("only %d statements were seen", len(seen.seen))
	}
	for _, stmt := range seen.seen {
		explain(t, s.SQL(), stmt)
	}
}

// walk takes events through everything that can become of them.
func walk(t *testing.T, s *Store) {
	t.Helper()
	fail := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.Due(t.Context(), []string{"email", "log"})
	fail(err)
	plan := func(evs []event.Event) (plans []event.Plan) {
		for _, ev := range evs {
			plans = append(plans, event.Plan{Targets: []event.Target{
				{Listener: "log", Lease: true}, {Listener: "email", OrderingKey: fmt.Sprint(ev.ID % 7)},
			}})
		}
		return plans
	}
	c, err := s.Claim(t.Context(), 100, true, plan)
	fail(err)
	_, err = s.Renew(t.Context(), c.Deliveries)
	fail(err)
	taken, err := s.Take(t.Context(), event.Take{Listener: "email", Limit: 50, Ordered: true, Rate: event.Rate{Events: 1000, Per: time.Second}})
	fail(err)
	codes := []event.Code{event.Delivered, event.Retry, event.Rejected, event.Unavailable, event.Lost, event.Returned}
	var group []event.Settled
	for i, d := range append(c.Deliveries, taken.Deliveries...) {
		o := event.Outcome{Code: codes[i%len(codes)], Reason: "no"}
		group = append(group, event.Settled{Delivery: d, Outcome: o, Settlement: event.Settle(d, o, event.DefaultPolicy(), 0.5)})
	}
	_, err = s.Record(t.Context(), group)
	fail(err)
}

func explain(t *testing.T, db *sql.DB, stmt string) {
	t.Helper()
	verb, _, _ := strings.Cut(strings.TrimSpace(stmt), " ")
	if verb != "SELECT" && verb != "UPDATE" && verb != "DELETE" {
		return
	}
	rows, err := db.QueryContext(t.Context(), "EXPLAIN "+stmt)
	if err != nil {
		t.Fatalf("EXPLAIN %s: %v", stmt, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, selectType, table, kind, keys, key, keyLen, ref, n, extra sql.NullString
		if err := rows.Scan(&id, &selectType, &table, &kind, &keys, &key, &keyLen, &ref, &n, &extra); err != nil {
			t.Fatal(err)
		}
		small := table.String == "event_listeners" || table.String == "event_locks"
		if !small && (kind.String == "ALL" || strings.Contains(extra.String, "filesort")) {
			t.Errorf("%s: access to %s is %s by key %q, %s", values.ReplaceAllString(stmt, "?"), table.String, kind.String, key.String, extra.String)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}
