package dispatch_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/earshot-host/earshot/host/internal/dispatch"
	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/registry"
)

// history is what a listener saw of each key.
type history struct {
	mu      sync.Mutex
	random  *rand.Rand
	running map[string]int64
	last    map[string]int64 // the event that has finished last
	calls   int
}

func (h *history) begin(d event.Delivery) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls++
	if other := h.running[d.OrderingKey]; other != 0 {
		return fmt.Errorf("key %s: event %d runs beside event %d", d.OrderingKey, d.Event.ID, other)
	}
	if d.Event.ID <= h.last[d.OrderingKey] {
		return fmt.Errorf("key %s: event %d comes after event %d", d.OrderingKey, d.Event.ID, h.last[d.OrderingKey])
	}
	h.running[d.OrderingKey] = d.Event.ID
	return nil
}

// end picks what becomes of the call.
func (h *history) end(d event.Delivery, p event.Policy) event.Outcome {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.running, d.OrderingKey)
	codes := []event.Code{event.Delivered, event.Delivered, event.Delivered, event.Skipped, event.Rejected, event.Retry, event.Unknown, event.Interrupted}
	o := event.Outcome{Code: codes[h.random.IntN(len(codes))], Reason: "by chance"}
	if s := event.Settle(d, o, p, 0.5); s.State != event.Open {
		h.last[d.OrderingKey] = d.Event.ID
	}
	return o
}

// Whatever the outcomes, and however many hosts and passes: the events of one
// key are handled strictly one after the other, in their order.
func TestOrderHoldsOverHostsRetriesAndChance(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		r := routes(t, `
defaults: {retry: {max_attempts: 4, first: 1s, factor: 1, jitter: 0}}
listeners:
  crm: {plugin: crm, order_by: key, concurrency: 6}
  log: {plugin: log}
events:
  "*": [crm, log]
`)
		random := rand.New(rand.NewPCG(seed, 1))
		const events = 200
		for range events {
			f.insert(fmt.Sprintf("key%d", random.IntN(7)), 1)
		}
		h := &history{random: random, running: map[string]int64{}, last: map[string]int64{}}
		fn := listener(func(_ context.Context, l *registry.Listener, d event.Delivery) event.Outcome {
			if l.Name == "log" {
				return delivered
			}
			if err := h.begin(d); err != nil {
				t.Error(err)
			}
			return h.end(d, l.Retry)
		})
		var open int
		for pass := 0; pass == 0 || open > 0; pass++ {
			if pass == 200 {
				t.Fatalf("%d deliveries are still open after %d passes", open, pass)
			}
			var hosts sync.WaitGroup
			for i := range 3 {
				s := f.store(fmt.Sprintf("host-%d", i))
				hosts.Go(func() {
					if _, err := dispatch.New(s, s, fn, r, dispatch.Options{Once: true, Batch: 7}).Run(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			hosts.Wait()
			if t.Failed() {
				return
			}
			f.exec("UPDATE event_deliveries SET due_at = '2020-01-01 00:00:00' WHERE due_at IS NOT NULL AND token IS NULL")
			if err := f.app.QueryRow("SELECT COUNT(*) FROM event_deliveries WHERE state = 'open'").Scan(&open); err != nil {
				t.Fatal(err)
			}
		}
		f.want(0, "SELECT COUNT(*) FROM event_queue WHERE status IN ('pending', 'processing')")
		if h.calls < events {
			t.Errorf("%d calls for %d events", h.calls, events)
		}
	})
}
