package queue_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/earshot-host/earshot/host/internal/migrate"
	"github.com/earshot-host/earshot/host/internal/queue"
	"github.com/earshot-host/earshot/host/internal/testdb"
)

// BenchmarkAdmin asks what people ask of a big queue. EARSHOT_BENCH_EVENTS is
// how big; the promise of 300 ms is for 1,000,000.
func BenchmarkAdmin(b *testing.B) {
	n := 100_000
	if v, err := strconv.Atoi(os.Getenv("EARSHOT_BENCH_EVENTS")); err == nil {
		n = v
	}
	for _, db := range []testdb.DB{testdb.MySQL(b), testdb.SQLite(b)} {
		f := bigQueue(b, db, n)
		questions := []struct {
			name string
			ask  func() error
		}{
			{"list", f.lists(queue.Filter{})},
			{"list_failed", f.lists(queue.Filter{Status: []string{"failed"}})},
			{"list_pending", f.lists(queue.Filter{Status: []string{"pending"}})},
			{"list_event", f.lists(queue.Filter{Event: []string{"appointment.saved"}})},
			{"list_listener", f.lists(queue.Filter{Listener: []string{"email"}})},
			{"list_rare_listener", f.lists(queue.Filter{Listener: []string{"rare"}})},
			{"list_error", f.lists(queue.Filter{Error: "mailbox"})},
			{"list_dead", f.lists(queue.Filter{Status: []string{"failed"}, State: []string{"dead"}})},
			{"show", func() error { _, _, _, err := f.Show(b.Context(), int64(n/2)); return err }},
			{"stats", func() error { _, err := f.Stats(b.Context()); return err }},
			{"listeners", func() error { _, err := f.Listeners(b.Context()); return err }},
			{"group", func() error { _, err := f.GroupBy(b.Context(), "error"); return err }},
			{"count_failed", func() error {
				_, _, err := f.Count(b.Context(), queue.Filter{Status: []string{"failed"}}, 5)
				return err
			}},
		}
		for _, q := range questions {
			b.Run(db.Driver+"/"+q.name, func(b *testing.B) {
				for b.Loop() {
					if err := q.ask(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func (f bigBench) lists(filter queue.Filter) func() error {
	return func() error {
		_, err := f.List(f.b.Context(), filter)
		return err
	}
}

// bigBench is a big queue.
type bigBench struct {
	*queue.Store
	b *testing.B
}

// bigQueue fills a database with n events of 1 KB: one in a thousand is dead,
// the last hundredth waits.
func bigQueue(b *testing.B, db testdb.DB, n int) bigBench {
	b.Helper()
	s, err := queue.Open(b.Context(), queue.Options{Driver: db.Driver, DSN: db.DSN})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	m, err := migrate.New(s.SQL(), db.Driver, false)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := m.Up(b.Context()); err != nil {
		b.Fatal(err)
	}
	exec := func(stmt string, args ...any) {
		b.Helper()
		if _, err := s.SQL().ExecContext(b.Context(), stmt, args...); err != nil {
			b.Fatalf("%s: %v", stmt, err)
		}
	}
	payload := `{"customer":{"email":"ana@example.com"},"notes":"` + strings.Repeat("x", 950) + `"}`
	exec("INSERT INTO event_queue (event_name, payload) VALUES ('appointment.saved', ?)", payload)
	// Small steps: the driver gives a statement 30 s.
	for have := 1; have < n; {
		step := min(have, n-have, 20_000)
		exec(`INSERT INTO event_queue (event_name, payload, status, error_message) SELECT event_name, payload,
			CASE WHEN (id + ?) % 1000 = 0 THEN 'failed' WHEN id + ? > ? THEN 'pending' ELSE 'processed' END,
			CASE WHEN (id + ?) % 1000 = 0 THEN 'email: no such mailbox' END
			FROM event_queue WHERE id <= ? ORDER BY id`, have, have, n-n/100, have, step)
		exec(`INSERT INTO event_deliveries (event_id, listener, state, due_at, attempts, created_at, finished_at)
			SELECT id, 'email', CASE WHEN status = 'failed' THEN 'dead' ELSE 'delivered' END, NULL, 1, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP
			FROM event_queue WHERE status <> 'pending' AND id > ? AND id <= ?`, have, have+step)
		have += step
	}
	exec(`INSERT INTO event_deliveries (event_id, listener, state, attempts, created_at, finished_at)
		SELECT id, 'rare', 'delivered', 1, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP FROM event_queue WHERE id % 50000 = 1`)
	if db.Driver == "mysql" {
		// As on a server that has had the time to count.
		exec("ANALYZE TABLE event_queue, event_deliveries")
	}
	return bigBench{s, b}
}
