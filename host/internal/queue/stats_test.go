package queue_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/earshot-host/earshot/host/internal/queue"
)

func TestStats(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.seed()
		f.exec("INSERT INTO event_queue (event_name, payload, scheduled_at) VALUES ('old', '{}', '2020-01-01 00:00:00')")
		st, err := f.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if want := map[string]int{"pending": 3, "processing": 2, "processed": 1, "failed": 2}; !cmp.Equal(st.Events, want) {
			t.Errorf("events = %v, want %v", st.Events, want)
		}
		if st.Due != 2 || st.Later != 1 || st.OldestDueAge < 3600*24*365 || st.Now == "" {
			t.Errorf("stats = %+v, want 2 due, 1 later, the oldest from 2020", st)
		}
		groups, err := f.GroupBy(t.Context(), "error")
		if err != nil {
			t.Fatal(err)
		}
		want := []queue.Group{
			{Value: "", Status: "pending", Events: 3},
			{Value: "", Status: "processing", Events: 1},
			{Value: "email: greylisted (will be tried again)", Status: "processing", Events: 1},
			{Value: "email: no such mailbox", Status: "failed", Events: 1},
			{Value: `no listener is registered for "order.paid"`, Status: "failed", Events: 1},
		}
		if diff := cmp.Diff(want, groups); diff != "" {
			t.Error(diff)
		}
	})
}
