package queue_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/migrate"
	"github.com/earshot-host/earshot/host/internal/queue"
	"github.com/earshot-host/earshot/host/internal/testdb"
)

// fixture is one queue, seen by a host and by an application.
type fixture struct {
	*queue.Store
	t   testing.TB
	db  testdb.DB
	app *sql.DB
}

// onEach runs fn against the same suite on every database.
func onEach(t *testing.T, fn func(t *testing.T, f fixture)) {
	testdb.Each(t, func(t *testing.T, db testdb.DB) { fn(t, newFixture(t, db)) })
}

func newFixture(t testing.TB, db testdb.DB) fixture {
	t.Helper()
	f := fixture{t: t, db: db}
	f.Store = f.host("host-a", "")
	m, err := migrate.New(f.SQL(), db.Driver, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.app = db.Open(t)
	return f
}

// host opens another host on the same database.
func (f fixture) host(name, table string) *queue.Store {
	f.t.Helper()
	s, err := queue.Open(f.t.Context(), queue.Options{Driver: f.db.Driver, DSN: f.db.DSN, Host: name, Table: table, MaxPayload: 1 << 16})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { s.Close() })
	return s
}

// insert writes an event as any application may: name and payload, no more.
func (f fixture) insert(n int) {
	f.t.Helper()
	for i := range n {
		f.exec("INSERT INTO event_queue (event_name, payload) VALUES (?, ?)", "appointment.saved", fmt.Sprintf(`{"n":%d}`, i))
	}
}

func (f fixture) exec(stmt string, args ...any) {
	f.t.Helper()
	if _, err := f.app.Exec(stmt, args...); err != nil {
		f.t.Fatalf("%s: %v", stmt, err)
	}
}

// one reads a single value as text; NULL is "NULL".
func (f fixture) one(stmt string, args ...any) string {
	f.t.Helper()
	var v sql.NullString
	if err := f.app.QueryRow(stmt, args...).Scan(&v); err != nil {
		f.t.Fatalf("%s: %v", stmt, err)
	}
	if !v.Valid {
		return "NULL"
	}
	return v.String
}

func (f fixture) want(want, stmt string, args ...any) {
	f.t.Helper()
	if got := f.one(stmt, args...); got != want {
		f.t.Errorf("%s = %s, want %s", stmt, got, want)
	}
}

// expire makes every lease look as if it ended a second ago.
func (f fixture) expire() {
	f.t.Helper()
	f.exec("UPDATE event_deliveries SET due_at = '2020-01-01 00:00:00' WHERE due_at IS NOT NULL")
}

func (f fixture) claim(s *queue.Store, limit int, plan func(event.Event) event.Plan) []event.Delivery {
	f.t.Helper()
	c, err := s.Claim(f.t.Context(), limit, false, each(plan))
	if err != nil {
		f.t.Fatal(err)
	}
	return c.Deliveries
}

func (f fixture) record(s *queue.Store, want int, group ...event.Settled) {
	f.t.Helper()
	stale, err := s.Record(f.t.Context(), group)
	if err != nil {
		f.t.Fatal(err)
	}
	if stale != want {
		f.t.Errorf("Record: %d stale, want %d", stale, want)
	}
}

// to plans a leased delivery for each listener.
func to(listeners ...string) func(event.Event) event.Plan {
	return func(event.Event) event.Plan {
		var p event.Plan
		for _, l := range listeners {
			p.Targets = append(p.Targets, event.Target{Listener: l, Lease: true})
		}
		return p
	}
}

// each plans events one by one.
func each(plan func(event.Event) event.Plan) queue.Planner {
	return func(events []event.Event) []event.Plan {
		var plans []event.Plan
		for _, ev := range events {
			plans = append(plans, plan(ev))
		}
		return plans
	}
}

// take leases due deliveries of a listener that has no order and no rate.
func (f fixture) take(s *queue.Store, listener string, limit int) []event.Delivery {
	f.t.Helper()
	taken, err := s.Take(f.t.Context(), event.Take{Listener: listener, Limit: limit})
	if err != nil {
		f.t.Fatal(err)
	}
	return taken.Deliveries
}

// settled decides an outcome under a policy of three attempts, a minute apart.
func settled(d event.Delivery, o event.Outcome) event.Settled {
	p := event.Policy{MaxAttempts: 3, First: time.Minute, Factor: 2, Max: time.Hour}
	return event.Settled{Delivery: d, Outcome: o, Settlement: event.Settle(d, o, p, 0.5)}
}

func delivered(d event.Delivery) event.Settled {
	return settled(d, event.Outcome{Code: event.Delivered})
}

func TestInsertByPlainSQLIsAWholeEvent(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert(1)
		ds := f.claim(f.Store, 10, to("email", "log"))
		if len(ds) != 2 {
			t.Fatalf("claimed %d deliveries, want 2", len(ds))
		}
		ev := ds[0].Event
		if ev.Name != "appointment.saved" || string(ev.Payload) != `{"n":0}` || ev.MaxAttempts != 3 {
			t.Errorf("event = %+v", ev)
		}
		if age := time.Since(ev.OccurredAt); age < -time.Second || age > time.Minute {
			t.Errorf("occurred %s ago", age)
		}
		f.want("processing", "SELECT status FROM event_queue")
		f.record(f.Store, 0, delivered(ds[0]))
		f.want("processing", "SELECT status FROM event_queue")
		f.record(f.Store, 0, delivered(ds[1]))
		f.want("processed", "SELECT status FROM event_queue")
		f.want("1", "SELECT COUNT(*) FROM event_queue WHERE processed_at IS NOT NULL AND error_message IS NULL")
		f.want("2", "SELECT COUNT(*) FROM event_deliveries WHERE state = 'delivered' AND due_at IS NULL AND token IS NULL AND finished_at IS NOT NULL")
	})
}

func TestClaimIsInOrderAndNeverTwice(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert(30)
		other := f.host("host-b", "")
		var ids []int64
		for _, s := range []*queue.Store{f.Store, other, f.Store} {
			for _, d := range f.claim(s, 10, to("log")) {
				ids = append(ids, d.Event.ID)
			}
		}
		if len(ids) != 30 {
			t.Fatalf("claimed %d, want 30", len(ids))
		}
		for i, id := range ids {
			if id != int64(i+1) {
				t.Fatalf("claim %d is event %d: not in order", i, id)
			}
		}
		if more := f.claim(f.Store, 10, to("log")); len(more) != 0 {
			t.Errorf("claimed %d more", len(more))
		}
	})
}

func TestScheduledEventWaits(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		id, err := f.Enqueue(t.Context(), "later", []byte(`{}`), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if ds := f.claim(f.Store, 10, to("log")); len(ds) != 0 {
			t.Fatalf("claimed an event an hour early")
		}
		due, err := f.Due(t.Context(), []string{"log"})
		if err != nil || due.Events {
			t.Fatalf("Due = %+v, %v", due, err)
		}
		f.exec("UPDATE event_queue SET scheduled_at = '2020-01-01 00:00:00' WHERE id = ?", id)
		if due, _ = f.Due(t.Context(), []string{"log"}); !due.Events {
			t.Error("Due does not see a due event")
		}
		if ds := f.claim(f.Store, 10, to("log")); len(ds) != 1 || ds[0].Event.ID != id {
			t.Fatalf("claimed %+v", ds)
		}
	})
}

func TestOnlyTheFailingListenerIsTriedAgain(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert(1)
		ds := f.claim(f.Store, 1, to("email", "whatsapp"))
		whatsapp := settled(ds[1], event.Outcome{Code: event.Retry, Reason: "gateway is down",
			Receipts: []event.Receipt{{Key: "customer", ExternalID: "w1"}}})
		f.record(f.Store, 0, delivered(ds[0]), whatsapp)
		f.want("processing", "SELECT status FROM event_queue")
		f.want("whatsapp: gateway is down (will be tried again)", "SELECT error_message FROM event_queue")

		if due := f.take(f.Store, "whatsapp", 10); len(due) != 0 {
			t.Fatal("retry came at once, without its backoff")
		}
		f.expire()
		if due := f.take(f.Store, "email", 10); len(due) != 0 {
			t.Fatal("the listener that delivered is tried again")
		}
		due := f.take(f.Store, "whatsapp", 10)
		if len(due) != 1 {
			t.Fatalf("Take = %d", len(due))
		}
		d := due[0]
		if d.Attempts != 1 || d.Redelivered || string(d.Event.Payload) != `{"n":0}` || len(d.Receipts) != 1 || d.Receipts[0].ExternalID != "w1" {
			t.Errorf("second attempt = %+v", d)
		}
		f.record(f.Store, 0, settled(d, event.Outcome{Code: event.Delivered, ExternalID: "w2", Receipts: []event.Receipt{{Key: "provider"}}}))
		f.want("processed", "SELECT status FROM event_queue")
		f.want("2", "SELECT attempts FROM event_queue")
		f.want("w2", "SELECT external_id FROM event_deliveries WHERE listener = 'whatsapp'")
		f.want(`[{"key":"customer","external_id":"w1"},{"key":"provider"}]`, "SELECT receipts FROM event_deliveries WHERE listener = 'whatsapp'")
		f.want("1", "SELECT COUNT(*) FROM event_attempts WHERE listener = 'whatsapp' AND outcome = 'retry' AND error = 'gateway is down' AND host = 'host-a'")
	})
}

func TestDeadDeliveryFailsTheEvent(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert(1)
		ds := f.claim(f.Store, 1, to("email", "log"))
		f.record(f.Store, 0, settled(ds[0], event.Outcome{Code: event.Rejected, Reason: "no such mailbox"}))
		f.want("processing", "SELECT status FROM event_queue")
		f.record(f.Store, 0, delivered(ds[1]))
		f.want("failed", "SELECT status FROM event_queue")
		f.want("email: no such mailbox", "SELECT error_message FROM event_queue")

		// Set to pending by hand, it goes again only to the one that has not delivered.
		f.exec("UPDATE event_queue SET status = 'pending'")
		if again := f.claim(f.Store, 1, to("email", "log")); len(again) != 0 {
			t.Fatalf("reopened deliveries wait for a slot, got %d leased", len(again))
		}
		f.want("processing", "SELECT status FROM event_queue")
		due := f.take(f.Store, "email", 10)
		if len(due) != 1 || due[0].Attempts != 0 {
			t.Fatalf("reopened = %+v", due)
		}
		if other := f.take(f.Store, "log", 10); len(other) != 0 {
			t.Fatal("the listener that delivered is told again")
		}
		f.record(f.Store, 0, delivered(due[0]))
		f.want("processed", "SELECT status FROM event_queue")

		// With nothing left to deliver, it is processed at once.
		f.exec("UPDATE event_queue SET status = 'pending'")
		f.claim(f.Store, 1, to("email", "log"))
		f.want("processed", "SELECT status FROM event_queue")
	})
}

func TestAttemptsRunOut(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert(1)
		ds := f.claim(f.Store, 1, to("email"))
		for range 3 {
			f.record(f.Store, 0, settled(ds[0], event.Outcome{Code: event.Retry, Reason: "busy"}))
			f.expire()
			ds = f.take(f.Store, "email", 1)
			if len(ds) == 0 {
				break
			}
		}
		f.want("failed", "SELECT status FROM event_queue")
		f.want("3", "SELECT attempts FROM event_queue")
		f.want("email: gave up after 3 of 3 attempts: busy", "SELECT error_message FROM event_queue")
		f.want("3", "SELECT COUNT(*) FROM event_attempts")
	})
}

func TestALeaseThatRanOutGoesToAnotherHost(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert(1)
		dead := f.claim(f.Store, 1, to("email"))[0]
		other := f.host("host-b", "")
		if due := f.take(other, "email", 1); len(due) != 0 {
			t.Fatal("claimed inside a live lease")
		}
		f.expire()
		due := f.take(other, "email", 1)
		if len(due) != 1 {
			t.Fatalf("rescue = %d", len(due))
		}
		if !due[0].Redelivered || due[0].Attempts != 0 {
			t.Errorf("rescued = %+v, want redelivered and no attempt spent", due[0])
		}
		// The first host comes back to life: what it says changes nothing.
		f.record(f.Store, 1, delivered(dead))
		f.want("open", "SELECT state FROM event_deliveries")
		f.record(f.Store, 1, settled(dead, event.Outcome{Code: event.Rejected, Reason: "late"}))
		f.want("processing", "SELECT status FROM event_queue")
		f.want("NULL", "SELECT error_message FROM event_queue")
		f.want("0", "SELECT COUNT(*) FROM event_attempts")
		f.record(other, 0, delivered(due[0]))
		f.want("processed", "SELECT status FROM event_queue")
	})
}

func TestRenew(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert(2)
		ds := f.claim(f.Store, 2, to("email"))
		f.expire()
		stolen := f.take(f.host("host-b", ""), "email", 1)
		lost, err := f.Renew(t.Context(), ds)
		if err != nil || len(lost) != 1 || lost[0] != stolen[0].ID {
			t.Fatalf("Renew lost %v (%v), want [%d]", lost, err, stolen[0].ID)
		}
		if due := f.take(f.Store, "email", 2); len(due) != 0 {
			t.Error("a renewed lease was claimed")
		}
	})
}

func TestRefusedAndQuietEvents(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert(3)
		plan := func(ev event.Event) event.Plan {
			switch ev.ID {
			case 1:
				return event.Plan{Refused: "no listener is registered"}
			case 2:
				return event.Plan{}
			}
			return to("log")(ev)
		}
		if ds := f.claim(f.Store, 3, plan); len(ds) != 1 || ds[0].Event.ID != 3 {
			t.Fatalf("claimed %+v", ds)
		}
		f.want("failed", "SELECT status FROM event_queue WHERE id = 1")
		f.want("no listener is registered", "SELECT error_message FROM event_queue WHERE id = 1")
		f.want("processed", "SELECT status FROM event_queue WHERE id = 2")
		f.want("processing", "SELECT status FROM event_queue WHERE id = 3")
	})
}

func TestDeliveriesWithoutASlotWait(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert(2)
		plan := func(ev event.Event) event.Plan {
			return event.Plan{Targets: []event.Target{{Listener: "email", Lease: ev.ID == 1, OrderingKey: "a7"}}}
		}
		if ds := f.claim(f.Store, 2, plan); len(ds) != 1 {
			t.Fatalf("leased %d, want 1", len(ds))
		}
		due, _ := f.Due(t.Context(), []string{"email", "log"})
		if !due.Listeners["email"].Due || due.Listeners["log"].Due || due.Events {
			t.Errorf("Due = %+v", due)
		}
		ds := f.take(f.Store, "email", 5)
		if len(ds) != 1 || ds[0].Event.ID != 2 || ds[0].Redelivered {
			t.Errorf("Take = %+v", ds)
		}
		f.want("2", "SELECT COUNT(*) FROM event_deliveries WHERE ordering_key = 'a7'")
	})
}

func TestUnavailableHoldsTheListenerForAllHosts(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert(1)
		d := f.claim(f.Store, 1, to("email"))[0]
		f.record(f.Store, 0, settled(d, event.Outcome{Code: event.Unavailable, Reason: "wrong password", RetryAfter: time.Hour}))
		due, err := f.host("host-b", "").Due(t.Context(), []string{"email", "log"})
		if err != nil || !due.Listeners["email"].Held || due.Listeners["log"].Held {
			t.Fatalf("Due = %+v, %v", due, err)
		}
		f.want("0", "SELECT attempts FROM event_deliveries")
		f.want("wrong password", "SELECT reason FROM event_listeners WHERE listener = 'email'")
	})
}

func TestOversizeAndOddPayloadsAreRead(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.exec("INSERT INTO event_queue (event_name, payload) VALUES ('big', ?)", strings.Repeat("x", 1<<16+1))
		f.exec("INSERT INTO event_queue (event_name, payload, max_attempts, create_datetime) VALUES ('empty', '', 7, NULL)")
		sizes := map[string]int64{}
		f.claim(f.Store, 5, func(ev event.Event) event.Plan {
			sizes[ev.Name] = ev.Size
			if ev.Name == "big" && ev.Payload != nil {
				t.Error("a payload above the limit was read into memory")
			}
			if ev.Name == "empty" && (ev.MaxAttempts != 7 || !ev.OccurredAt.IsZero()) {
				t.Errorf("empty = %+v", ev)
			}
			return event.Plan{Refused: strings.Repeat("é", 5000) + "\xff"}
		})
		if sizes["big"] != 1<<16+1 || sizes["empty"] != 0 {
			t.Errorf("sizes = %v", sizes)
		}
		f.want("failed", "SELECT status FROM event_queue WHERE event_name = 'big'")
		if n := len(f.one("SELECT error_message FROM event_queue WHERE event_name = 'big'")); n > 4096 || n < 4000 {
			t.Errorf("error_message of %d bytes", n)
		}
	})
}

func TestAnEventWhoseRowIsGone(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert(1)
		f.claim(f.Store, 1, to("email"))
		f.expire()
		f.exec("DELETE FROM event_queue")
		ds := f.take(f.Store, "email", 1)
		if len(ds) != 1 || ds[0].Event.Name != "" {
			t.Fatalf("Take = %+v", ds)
		}
		f.record(f.Store, 0, settled(ds[0], event.Outcome{Code: event.Rejected, Reason: "gone"}))
		f.want("dead", "SELECT state FROM event_deliveries")
	})
}

// A table that was emptied counts from 1 again: its new events have the ids of
// old ones, whose deliveries must not stand for theirs.
func TestAnIDThatComesAgainIsAnotherEvent(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		insert := func(at string) {
			f.exec("INSERT INTO event_queue (id, event_name, payload, create_datetime) VALUES (1, 'order.paid', '{}', ?)", at)
		}
		insert("2026-01-27 14:15:00")
		f.record(f.Store, 0, delivered(f.claim(f.Store, 1, to("email"))[0]))
		f.exec("DELETE FROM event_queue")

		insert("2026-01-27 14:20:00")
		ds := f.claim(f.Store, 1, to("email"))
		if len(ds) != 1 || ds[0].Event.ID != 1 {
			t.Fatalf("claimed %+v, want the new event", ds)
		}
		f.record(f.Store, 0, delivered(ds[0]))
		f.want("processed", "SELECT status FROM event_queue")

		// The same event, set to pending by hand, is not told twice.
		f.exec("UPDATE event_queue SET status = 'pending'")
		if ds := f.claim(f.Store, 1, to("email")); len(ds) != 0 {
			t.Errorf("claimed %+v again", ds)
		}
	})
}
