package retention_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/earshot-host/earshot/host/internal/migrate"
	"github.com/earshot-host/earshot/host/internal/queue"
	"github.com/earshot-host/earshot/host/internal/retention"
	"github.com/earshot-host/earshot/host/internal/testdb"
)

func open(t *testing.T, db testdb.DB, host string) *queue.Store {
	t.Helper()
	s, err := queue.Open(t.Context(), queue.Options{Driver: db.Driver, DSN: db.DSN, Host: host})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// fill writes old events: n processed, then 3 failed, then 3 new ones.
func fill(t *testing.T, s *queue.Store, db testdb.DB, n int) *sql.DB {
	t.Helper()
	m, err := migrate.New(s.SQL(), db.Driver, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	app := db.Open(t)
	insert := func(n int, status, at string) {
		for range n {
			_, err := app.Exec(`INSERT INTO event_queue (event_name, payload, status, create_datetime, update_datetime, processed_at) VALUES ('a', '{"x":1}', ?, ?, ?, ?)`, status, at, at, at)
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	insert(n, "processed", "2020-01-01 00:00:00")
	insert(3, "failed", "2020-01-01 00:00:00")
	insert(3, "processed", time.Now().UTC().Format(time.DateTime))
	return app
}

func counts(t *testing.T, app *sql.DB) map[string]int {
	t.Helper()
	out := make(map[string]int)
	rows, err := app.Query("SELECT status, payload, COUNT(*) FROM event_queue GROUP BY status, payload")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var status, payload string
		var n int
		if err := rows.Scan(&status, &payload, &n); err != nil {
			t.Fatal(err)
		}
		out[status+" "+payload] = n
	}
	return out
}

func TestPassKeepsToThePolicy(t *testing.T) {
	const day = 24 * time.Hour
	tests := []struct {
		name   string
		policy retention.Policy
		want   map[string]int
	}{
		{"nothing is asked for", retention.Policy{}, map[string]int{`processed {"x":1}`: 703, `failed {"x":1}`: 3}},
		{"processed", retention.Policy{Processed: day}, map[string]int{`processed {"x":1}`: 3, `failed {"x":1}`: 3}},
		{"both", retention.Policy{Processed: day, Failed: day}, map[string]int{`processed {"x":1}`: 3}},
		{"scrub", retention.Policy{Scrub: day}, map[string]int{`processed {}`: 700, `processed {"x":1}`: 3, `failed {"x":1}`: 3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db := testdb.SQLite(t)
			s := open(t, db, "a")
			app := fill(t, s, db, 700)
			removed := 0
			k := retention.New(s, retention.Options{Policy: tt.policy, Pause: time.Microsecond, Removed: func(_ string, n int) { removed += n }})
			for range 2 {
				if err := k.Pass(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			got := counts(t, app)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if tt.policy != (retention.Policy{}) && removed < 700 {
				t.Errorf("told of %d removed rows, want at least 700", removed)
			}
		})
	}
}

func TestAnotherHostsPassIsLeftAlone(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db testdb.DB) {
		a, b := open(t, db, "a"), open(t, db, "b")
		app := fill(t, a, db, 5)
		if leads, err := a.Lead(t.Context(), "retention", time.Minute); err != nil || !leads {
			t.Fatal(leads, err)
		}
		k := retention.New(b, retention.Options{Policy: retention.Policy{Processed: time.Hour}})
		if err := k.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := counts(t, app)[`processed {"x":1}`]; got != 8 {
			t.Errorf("%d processed events left, want all 8: another host leads", got)
		}
	})
}
