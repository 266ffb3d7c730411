package dispatch_test

import (
	"context"
	"sync"
	"testing"

	"github.com/earshot-host/earshot/host/internal/dispatch"
	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/registry"
)

// batcher is a listener that takes many at once.
type batcher struct {
	listener
	mu      sync.Mutex
	largest int
	calls   int
}

func (*batcher) Batches(*registry.Listener) bool { return true }

func (b *batcher) DeliverBatch(ctx context.Context, l *registry.Listener, ds []event.Delivery) []event.Outcome {
	b.mu.Lock()
	b.calls++
	b.largest = max(b.largest, len(ds))
	b.mu.Unlock()
	out := make([]event.Outcome, len(ds))
	for i, d := range ds {
		if len(ds) > 1 && d.Suspect() {
			panic("a suspect in company")
		}
		out[i] = b.Deliver(ctx, l, d)
	}
	return out
}

func TestABacklogGoesInBatches(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		const events = 300
		f.insert("order.paid", events)
		r := routes(t, "defaults: {concurrency: 2}\nlisteners: {log: {plugin: log}}\nevents: {'*': [log]}\n")
		b := &batcher{listener: func(_ context.Context, _ *registry.Listener, d event.Delivery) event.Outcome {
			if d.Event.ID == 17 {
				return event.Outcome{Code: event.Rejected, Reason: "no"}
			}
			return delivered
		}}
		s := f.store("a")
		sum, err := dispatch.New(s, s, b, r, dispatch.Options{Once: true}).Run(t.Context())
		if err != nil || sum.Delivered != events-1 || sum.Dead != 1 {
			t.Fatalf("Run = %+v, %v", sum, err)
		}
		if b.largest < 2 || b.calls >= events/2 {
			t.Errorf("%d batches, the largest of %d: not worth the name", b.calls, b.largest)
		}
		f.want(events-1, "SELECT COUNT(*) FROM event_queue WHERE status = 'processed'")
		f.want(17, "SELECT id FROM event_queue WHERE status = 'failed'")
	})
}

func TestSuspectsAreNotBatched(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert("order.paid", 60)
		r := routes(t, "defaults: {concurrency: 2}\nlisteners: {log: {plugin: log}}\nevents: {'*': [log]}\n")
		b := &batcher{listener: func(_ context.Context, _ *registry.Listener, d event.Delivery) event.Outcome {
			if d.Event.ID%10 == 0 && !d.Suspect() {
				return event.Outcome{Code: event.Lost, Reason: "exit code 3"}
			}
			return delivered
		}}
		for range 3 {
			s := f.store("a")
			if _, err := dispatch.New(s, s, b, r, dispatch.Options{Once: true}).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			f.exec("UPDATE event_listeners SET held_until = NULL, holds = 0, crashes = 0")
			f.exec("UPDATE event_deliveries SET due_at = '2020-01-01 00:00:00' WHERE due_at IS NOT NULL")
		}
		f.want(60, "SELECT COUNT(*) FROM event_queue WHERE status = 'processed'")
	})
}
