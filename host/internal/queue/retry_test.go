package queue_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/queue"
)

func (f fixture) retry(r queue.Retry, ids ...int64) []int64 {
	f.t.Helper()
	done, err := f.Retry(f.t.Context(), ids, r)
	if err != nil {
		f.t.Fatal(err)
	}
	return done
}

var all = []int64{1, 2, 3, 4, 5, 6, 7}

func TestRetrySendsOnlyWhatWasNotDelivered(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.seed()
		// 1 is done, 5 runs, 6 and 7 wait for their turn anyway.
		if got, want := f.retry(queue.Retry{}, all...), []int64{2, 3, 4}; !slices.Equal(got, want) {
			t.Fatalf("Retry = %v, want %v", got, want)
		}
		f.want("pending", "SELECT status FROM event_queue WHERE id = 2")
		ds := f.claim(f.Store, 10, to("email", "log", "new"))
		got := make(map[int64][]string)
		for _, d := range append(append(ds, f.take(f.Store, "email", 10)...), f.take(f.Store, "log", 10)...) {
			got[d.Event.ID] = append(got[d.Event.ID], d.Listener)
		}
		want := map[int64][]string{2: {"new", "email"}, 3: {"email", "log", "new"}, 4: {"email"}, 6: {"email", "log", "new"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("sent again: %s", diff)
		}
		f.want("0", "SELECT attempts FROM event_deliveries WHERE event_id = 2 AND listener = 'email'")
		f.want("1", "SELECT attempts FROM event_deliveries WHERE event_id = 4 AND listener = 'email'")
	})
}

func TestRetryOfOneListener(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.seed()
		if got := f.retry(queue.Retry{Listener: "log"}, all...); len(got) != 0 {
			t.Errorf("Retry of log = %v, want nothing", got)
		}
		if got, want := f.retry(queue.Retry{Listener: "email", In: time.Hour}, all...), []int64{2, 4}; !slices.Equal(got, want) {
			t.Errorf("Retry of email = %v, want %v", got, want)
		}
		f.want("processing", "SELECT status FROM event_queue WHERE id = 2")
		f.want("failed", "SELECT status FROM event_queue WHERE id = 3")
		if ds := f.take(f.Store, "email", 10); len(ds) != 0 {
			t.Errorf("took %v before its time", ds)
		}
	})
}

// A listener that gave up because a message may have been sent must be able to
// send it when a person says so.
func TestRetryAnswersTheDoubt(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		for _, listener := range []string{"", "email"} {
			f.exec("DELETE FROM event_deliveries")
			f.exec("DELETE FROM event_queue")
			f.insert(1)
			f.claim(f.Store, 1, to("email"))
			f.expire()
			d := f.take(f.Store, "email", 1)[0]
			f.record(f.Store, 0, settled(d, event.Outcome{Code: event.Rejected, Reason: "may have been sent"}))
			ids, err := f.Retry(t.Context(), []int64{d.Event.ID}, queue.Retry{Listener: listener})
			if err != nil || len(ids) != 1 {
				t.Fatalf("Retry = %v, %v", ids, err)
			}
			f.claim(f.Store, 1, to("email"))
			if again := f.take(f.Store, "email", 1); len(again) != 1 || again[0].Redelivered {
				t.Errorf("after a retry of listener %q: %+v, want it not marked redelivered", listener, again)
			}
		}
	})
}
