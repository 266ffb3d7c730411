package queue_test

import (
	"testing"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/queue"
)

// keyed plans a delivery to "crm" whose key is the event's name.
func keyed(ev event.Event) event.Plan {
	return event.Plan{Targets: []event.Target{{Listener: "crm", OrderingKey: ev.Name}}}
}

func (f fixture) takeInOrder(s *queue.Store, limit int) event.Taken {
	f.t.Helper()
	taken, err := s.Take(f.t.Context(), event.Take{Listener: "crm", Limit: limit, Ordered: true})
	if err != nil {
		f.t.Fatal(err)
	}
	return taken
}

func TestEqualKeysGoOneAfterTheOther(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		for _, key := range []string{"a", "a", "b", "a"} {
			f.exec("INSERT INTO event_queue (event_name, payload) VALUES (?, '{}')", key)
		}
		if _, err := f.Claim(t.Context(), 10, true, each(keyed)); err != nil {
			t.Fatal(err)
		}
		first := f.takeInOrder(f.Store, 10)
		if len(first.Deliveries) != 2 || first.Deliveries[0].Event.ID != 1 || first.Deliveries[1].Event.ID != 3 || first.Passed != 2 {
			t.Fatalf("took %+v, want events 1 and 3 and two passed over", first)
		}
		other := f.host("host-b", "")
		if next := f.takeInOrder(other, 10); len(next.Deliveries) != 0 {
			t.Fatalf("another host took %+v while the first of its key runs", next.Deliveries)
		}
		// A retry keeps its place: nobody passes it.
		f.record(f.Store, 0, settled(first.Deliveries[0], event.Outcome{Code: event.Retry, Reason: "busy"}))
		if next := f.takeInOrder(other, 10); len(next.Deliveries) != 0 {
			t.Fatalf("%+v passed a delivery that is to be tried again", next.Deliveries)
		}
		f.expire()
		again := f.takeInOrder(other, 10)
		if len(again.Deliveries) != 2 || again.Deliveries[0].Event.ID != 1 {
			t.Fatalf("took %+v, want events 1 and 3 again", again)
		}
		// Whoever finishes one makes the next due at once.
		f.record(other, 0, delivered(again.Deliveries[0]))
		next := f.takeInOrder(f.Store, 10)
		if len(next.Deliveries) != 1 || next.Deliveries[0].Event.ID != 2 {
			t.Fatalf("took %+v, want event 2", next)
		}
		// A dead delivery holds up nobody.
		f.record(f.Store, 0, settled(next.Deliveries[0], event.Outcome{Code: event.Rejected, Reason: "no"}))
		if last := f.takeInOrder(f.Store, 10); len(last.Deliveries) != 1 || last.Deliveries[0].Event.ID != 4 {
			t.Fatalf("took %+v, want event 4", last)
		}
	})
}

func TestALongRowOfOneKeySlowsNoOther(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		for range 30 {
			f.exec("INSERT INTO event_queue (event_name, payload) VALUES ('hot', '{}')")
		}
		f.exec("INSERT INTO event_queue (event_name, payload) VALUES ('other', '{}')")
		if _, err := f.Claim(t.Context(), 100, true, each(keyed)); err != nil {
			t.Fatal(err)
		}
		seen := map[string]int{}
		for range 4 {
			for _, d := range f.takeInOrder(f.Store, 10).Deliveries {
				seen[d.Event.Name]++
			}
		}
		if seen["hot"] != 1 || seen["other"] != 1 {
			t.Errorf("four rounds of ten took %v, want one of each", seen)
		}
	})
}

func TestSetPendingByHandKeepsTheOrderOfWhatIsOpen(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		for range 2 {
			f.exec("INSERT INTO event_queue (event_name, payload) VALUES ('a', '{}')")
		}
		if _, err := f.Claim(t.Context(), 10, true, each(keyed)); err != nil {
			t.Fatal(err)
		}
		one := f.takeInOrder(f.Store, 1).Deliveries[0]
		f.record(f.Store, 0, settled(one, event.Outcome{Code: event.Rejected, Reason: "no"}))
		f.exec("UPDATE event_queue SET status = 'pending' WHERE id = 1")
		if _, err := f.Claim(t.Context(), 10, true, each(keyed)); err != nil {
			t.Fatal(err)
		}
		if taken := f.takeInOrder(f.Store, 10); len(taken.Deliveries) != 1 || taken.Deliveries[0].Event.ID != 1 {
			t.Errorf("took %+v, want the reopened event 1 alone", taken)
		}
	})
}
