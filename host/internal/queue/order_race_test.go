package queue

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/migrate"
	"github.com/earshot-host/earshot/host/internal/testdb"
)

// Deliveries that are laid out while a host looks for due ones must keep their
// order too. Found by `make chaos`: 2 of 15,000 ran beside their forerunners.
func TestOrderOfWhatIsLaidOutDuringATake(t *testing.T) {
	db := testdb.MySQL(t)
	s, err := Open(t.Context(), Options{Driver: db.Driver, DSN: db.DSN})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m, err := migrate.New(s.SQL(), db.Driver, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Without SKIP LOCKED the test can hold a Take in the middle.
	s.lock = &s.wait
	app := db.Open(t)
	layOut := func(key string, second int) int64 {
		t.Helper()
		res, err := app.Exec(`INSERT INTO event_deliveries (event_id, listener, state, due_at, ordering_key, created_at)
			VALUES (?, 'a', 'open', '2020-01-01' + INTERVAL ? SECOND, ?, NOW(6))`, second, second, key)
		if err != nil {
			t.Fatal(err)
		}
		id, err := res.LastInsertId()
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	// With rows of others around, the server walks the index in order, and asks
	// for each row whether it must wait before it locks the next.
	for _, stmt := range []string{
		`INSERT INTO event_deliveries (event_id, listener, state, due_at, created_at)
			SELECT 1000 + seq, CONCAT('b', seq % 7), 'open', NOW(6), NOW(6) FROM seq_1_to_2000`,
		`ANALYZE TABLE event_deliveries`,
	} {
		if _, err := app.Exec(stmt); err != nil {
			t.Fatal(err)
		}
	}
	layOut("other", 1)
	locked := layOut("another", 2)
	hold, err := app.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hold.Exec("SELECT id FROM event_deliveries WHERE id = ? FOR UPDATE", locked); err != nil {
		t.Fatal(err)
	}
	type answer struct {
		taken event.Taken
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		taken, err := s.Take(t.Context(), event.Take{Listener: "a", Limit: 10, Ordered: true})
		answers <- answer{taken, err}
	}()
	waitForLock(t, app)
	layOut("k", 3)
	layOut("k", 4)
	if err := hold.Rollback(); err != nil {
		t.Fatal(err)
	}
	got := <-answers
	if got.err != nil {
		t.Fatal(got.err)
	}
	if n := len(got.taken.Deliveries); n != 3 || got.taken.Passed != 1 {
		t.Errorf("%d deliveries were taken and %d left for their turn, want 3 and 1", n, got.taken.Passed)
	}
}

// waitForLock waits until a transaction waits for a row.
func waitForLock(t *testing.T, app *sql.DB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	// The server makes this table anew only for who has not asked for 100 ms.
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		var n int
		if err := app.QueryRow("SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT' AND trx_query LIKE '%event_deliveries%'").Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal("nobody waits for the locked row")
		case <-tick.C:
		}
	}
}
