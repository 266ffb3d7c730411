package queue_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/queue"
)

func TestDiscardEndsWhatWasNotDelivered(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.seed()
		d, err := f.Discard(t.Context(), all, "", "test data")
		if err != nil {
			t.Fatal(err)
		}
		if want := (queue.Discarded{Events: []int64{2, 3, 4, 6, 7}, Running: 2}); !cmp.Equal(d, want) {
			t.Errorf("Discard = %+v, want %+v", d, want)
		}
		f.want("processed", "SELECT status FROM event_queue WHERE id = 1")
		f.want("processing", "SELECT status FROM event_queue WHERE id = 5")
		f.want("5", "SELECT COUNT(*) FROM event_queue WHERE status = 'failed'")
		f.want("email: discarded: test data", "SELECT error_message FROM event_queue WHERE id = 2")
		f.want("discarded: test data", "SELECT error_message FROM event_queue WHERE id = 6")
		f.want("dead", "SELECT state FROM event_deliveries WHERE event_id = 4 AND listener = 'email'")
		f.want("delivered", "SELECT state FROM event_deliveries WHERE event_id = 4 AND listener = 'log'")
		if again, err := f.Discard(t.Context(), all, "", "once more"); err != nil || len(again.Events) != 0 {
			t.Errorf("second Discard = %+v, %v, want nothing", again, err)
		}
		if got := f.find(queue.Filter{Status: []string{"failed"}, Undiscarded: true}); len(got) != 0 {
			t.Errorf("not discarded: %v, want none", got)
		}
		if got := f.retry(queue.Retry{}, all...); len(got) != 0 {
			t.Errorf("Retry of discarded events = %v, want nothing", got)
		}
		if got := f.retry(queue.Retry{Discarded: true}, 2, 3); !slices.Equal(got, []int64{2, 3}) {
			t.Errorf("Retry of discarded events by their ids = %v, want [2 3]", got)
		}
	})
}

func TestDiscardOfOneListenerLeavesTheOthers(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert(1)
		ds := f.claim(f.Store, 1, to("email", "log"))
		for _, d := range ds {
			f.record(f.Store, 0, settled(d, event.Outcome{Code: event.Rejected, Reason: "no"}))
		}
		if _, err := f.Discard(t.Context(), []int64{1}, "log", "not needed"); err != nil {
			t.Fatal(err)
		}
		f.want("email: no; log: discarded: not needed", "SELECT error_message FROM event_queue")
		if got := f.find(queue.Filter{Undiscarded: true}); len(got) != 1 {
			t.Errorf("not discarded: %v, want the event, for email", got)
		}
		if got := f.retry(queue.Retry{}, 1); len(got) != 1 {
			t.Fatal("Retry did nothing")
		}
		f.want("open", "SELECT state FROM event_deliveries WHERE listener = 'email'")
		f.want("dead", "SELECT state FROM event_deliveries WHERE listener = 'log'")
	})
}
