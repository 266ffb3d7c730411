package queue_test

import (
	"testing"
	"time"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/registry"
	"github.com/earshot-host/earshot/host/internal/testdb"
)

// FuzzRow takes rows that anybody may have written, and answers that any plugin
// may give, from claim to record: the event always ends, and nothing fails.
func FuzzRow(f *testing.F) {
	for _, seed := range []struct {
		name, payload, reason string
		attempts              int64
	}{
		{"order.paid", `{"n":1}`, "", 3},
		{"", "", "\x00\xff", 0},
		{"a", `{"n":`, "x", -5},
		{"order.paid", "\xff\xfe{}", "é", 1 << 40},
		{"order.paid'; DROP TABLE event_queue; --", "null", "'\\", 1},
	} {
		f.Add(seed.name, seed.payload, seed.reason, seed.attempts, uint8(4))
	}
	routes, err := registry.Parse("events.yaml", []byte("version: 1\nlisteners: {log: {plugin: log, order_by: n}}\nevents: {'*': [log]}\n"), registry.Options{})
	if err != nil {
		f.Fatal(err)
	}
	fx := newFixture(f, testdb.SQLite(f))
	f.Fuzz(func(t *testing.T, name, payload, reason string, attempts int64, code uint8) {
		fx := fx
		fx.t = t
		fx.exec("DELETE FROM event_queue")
		fx.exec("INSERT INTO event_queue (event_name, payload, attempts, max_attempts, create_datetime) VALUES (?, ?, ?, ?, ?)", name, payload, attempts, attempts, reason)
		plan := func(evs []event.Event) (plans []event.Plan) {
			for _, ev := range evs {
				plans = append(plans, routes.Plan(ev))
			}
			return plans
		}
		c, err := fx.Claim(t.Context(), 10, true, plan)
		if err != nil || c.Events != 1 {
			t.Fatalf("Claim = %+v, %v", c, err)
		}
		taken, err := fx.Take(t.Context(), event.Take{Listener: "log", Limit: 10, Ordered: true})
		if err != nil || len(taken.Deliveries)+c.Refused != 1 {
			t.Fatalf("Take = %+v, %v", taken, err)
		}
		for _, d := range taken.Deliveries {
			o := event.Outcome{Code: event.Code(code % 12), Reason: reason, ExternalID: payload, RetryAfter: time.Duration(attempts),
				Receipts: []event.Receipt{{Key: name, ExternalID: reason}}}
			fx.record(fx.Store, 0, event.Settled{Delivery: d, Outcome: o, Settlement: event.Settle(d, o, event.Policy{MaxAttempts: 1}, 0.5)})
		}
		fx.want("0", "SELECT COUNT(*) FROM event_queue WHERE status = 'pending'")
		fx.exec("DELETE FROM event_listeners")
		fx.exec("DELETE FROM event_deliveries")
	})
}
