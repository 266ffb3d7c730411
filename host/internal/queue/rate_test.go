package queue_test

import (
	"sync"
	"testing"
	"time"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/queue"
)

func TestARateIsSharedByAllHosts(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert(60)
		unleased := func(event.Event) event.Plan { return event.Plan{Targets: []event.Target{{Listener: "sms"}}} }
		f.claim(f.Store, 60, unleased)
		hosts := []*queue.Store{f.Store, f.host("host-b", ""), f.host("host-c", "")}
		rate := event.Rate{Events: 40, Per: time.Hour}
		var mu sync.Mutex
		total, waits := 0, 0
		var wg sync.WaitGroup
		for _, s := range hosts {
			wg.Go(func() {
				for range 5 {
					var taken event.Taken
					again(t, s, func() (err error) {
						taken, err = s.Take(t.Context(), event.Take{Listener: "sms", Limit: 3, Rate: rate})
						return
					})
					mu.Lock()
					total += len(taken.Deliveries)
					if taken.Wait > 0 {
						waits++
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		// A tenth of 40 may begin at once; the next is minutes away.
		if total != 4 || waits == 0 {
			t.Errorf("three hosts took %d of 60 and were told to wait %d times, want 4 and more than none", total, waits)
		}
	})
}

func TestRateWithNothingWaitingSpendsNothing(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		take := event.Take{Listener: "sms", Limit: 3, Rate: event.Rate{Events: 1, Per: time.Hour}}
		for range 3 {
			if taken, err := f.Take(t.Context(), take); err != nil || taken.Wait != 0 {
				t.Fatalf("Take = %+v, %v", taken, err)
			}
		}
		f.insert(2)
		f.claim(f.Store, 2, func(event.Event) event.Plan { return event.Plan{Targets: []event.Target{{Listener: "sms"}}} })
		if taken, _ := f.Take(t.Context(), take); len(taken.Deliveries) != 1 || taken.Wait <= 0 {
			t.Errorf("Take = %+v, want one delivery and a wait", taken)
		}
	})
}
