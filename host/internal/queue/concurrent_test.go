package queue_test

import (
	"sync"
	"testing"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/queue"
)

// again repeats fn while the database says "not now", as the dispatcher does.
func again(t *testing.T, s *queue.Store, fn func() error) {
	t.Helper()
	for {
		err := fn()
		if err == nil {
			return
		}
		if !s.Transient(err) {
			t.Error(err)
			return
		}
	}
}

func TestHostsDrainTogether(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		const events = 300
		f.insert(events)
		hosts := []*queue.Store{f.Store, f.host("host-b", ""), f.host("host-c", "")}
		var mu sync.Mutex
		seen := make(map[int64]int)
		var wg sync.WaitGroup
		for _, s := range hosts {
			wg.Go(func() {
				for {
					var c event.Claim
					again(t, s, func() (err error) { c, err = s.Claim(t.Context(), 7, false, each(to("email", "log"))); return })
					if t.Failed() || c.Events == 0 {
						return
					}
					var group []event.Settled
					mu.Lock()
					for _, d := range c.Deliveries {
						seen[d.ID]++
						group = append(group, delivered(d))
					}
					mu.Unlock()
					again(t, s, func() error { _, err := s.Record(t.Context(), group); return err })
				}
			})
		}
		wg.Wait()
		for id, n := range seen {
			if n != 1 {
				t.Errorf("delivery %d was claimed %d times", id, n)
			}
		}
		if len(seen) != 2*events {
			t.Errorf("%d deliveries claimed, want %d", len(seen), 2*events)
		}
		f.want("0", "SELECT COUNT(*) FROM event_queue WHERE status <> 'processed'")
	})
}

func TestTheLastTwoDeliveriesEndAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		const events = 40
		f.insert(events)
		ds := f.claim(f.Store, events, to("email", "log"))
		other := f.host("host-b", "")
		for i := 0; i < len(ds); i += 2 {
			var wg sync.WaitGroup
			for j, s := range []*queue.Store{f.Store, other} {
				wg.Go(func() {
					again(t, s, func() error {
						_, err := s.Record(t.Context(), []event.Settled{delivered(ds[i+j])})
						return err
					})
				})
			}
			wg.Wait()
		}
		f.want("0", "SELECT COUNT(*) FROM event_queue WHERE status <> 'processed'")
	})
}

func TestReturnedDeliveryIsDueAtOnceAndKeepsItsError(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert(1)
		d := f.claim(f.Store, 1, to("email"))[0]
		f.record(f.Store, 0, settled(d, event.Outcome{Code: event.Retry, Reason: "busy"}))
		f.expire()
		ds := f.take(f.Store, "email", 1)
		f.record(f.Store, 0, settled(ds[0], event.Outcome{Code: event.Returned}))
		f.want("busy", "SELECT last_error FROM event_deliveries")
		f.want("1", "SELECT attempts FROM event_deliveries")
		f.want("1", "SELECT COUNT(*) FROM event_attempts")
		if ds = f.take(f.Store, "email", 1); len(ds) != 1 || ds[0].Redelivered {
			t.Errorf("returned delivery = %+v", ds)
		}
	})
}
