package queue

import (
	"testing"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/migrate"
	"github.com/earshot-host/earshot/host/internal/testdb"
)

// On a cluster two nodes may finish the last two deliveries of an event at
// once, each unseen by the other. Only if both have written to the event does
// one of them fail and look again; otherwise the event stays "processing" for
// ever. Found by `make cluster`: 4 of 4,000 events.
func TestRollUpWritesToTheEventOnACluster(t *testing.T) {
	for _, column := range []string{"DATETIME(6)", "DATETIME"} {
		t.Run(column, func(t *testing.T) {
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
			s.replicated = true
			app := db.Open(t)
			for _, stmt := range []string{
				"ALTER TABLE event_queue MODIFY update_datetime " + column + " NULL",
				"INSERT INTO event_queue (event_name, payload) VALUES ('order.paid', '{}')",
			} {
				if _, err := app.Exec(stmt); err != nil {
					t.Fatal(err)
				}
			}
			plan := event.Plan{Targets: []event.Target{{Listener: "a", Lease: true}, {Listener: "b", Lease: true}, {Listener: "c", Lease: true}}}
			c, err := s.Claim(t.Context(), 1, false, func([]event.Event) []event.Plan { return []event.Plan{plan} })
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range c.Deliveries[:2] {
				before := updated(t, db)
				st := event.Settled{Delivery: d, Outcome: event.Outcome{Code: event.Delivered}, Settlement: event.Settlement{State: event.Done, Attempts: 1}}
				if _, err := s.Record(t.Context(), []event.Settled{st}); err != nil {
					t.Fatal(err)
				}
				if after := updated(t, db); after == before {
					t.Errorf("delivery to %s was recorded and its event's row was not changed: still %s", d.Listener, before)
				}
			}
		})
	}
}

func updated(t *testing.T, db testdb.DB) (at string) {
	t.Helper()
	if err := db.Open(t).QueryRow("SELECT CAST(update_datetime AS CHAR) FROM event_queue").Scan(&at); err != nil {
		t.Fatal(err)
	}
	return at
}
