package queue_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/queue"
)

// listeners reads all standings, by name.
func (f fixture) listeners() map[string]queue.ListenerRow {
	f.t.Helper()
	rows, err := f.Listeners(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	out := make(map[string]queue.ListenerRow)
	for _, r := range rows {
		out[r.Listener] = r
	}
	return out
}

func TestListenersStand(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert(4)
		ds := f.claim(f.Store, 4, to("email"))
		f.record(f.Store, 0, delivered(ds[0]), settled(ds[1], event.Outcome{Code: event.Rejected, Reason: "no such mailbox"}))
		f.record(f.Store, 0, settled(ds[2], event.Outcome{Code: event.Retry, Reason: "greylisted"}))
		f.exec("UPDATE event_deliveries SET due_at = '2020-01-01 00:00:00' WHERE id = ?", ds[2].ID)
		if _, err := f.Pause(t.Context(), "whatsapp"); err != nil {
			t.Fatal(err)
		}
		got := f.listeners()
		want := map[string]queue.ListenerRow{
			"email":    {Listener: "email", State: "ready", Open: 2, Running: 1, Due: 1, Dead: 1},
			"whatsapp": {Listener: "whatsapp", State: "paused"},
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(queue.ListenerRow{}, "OldestDue", "LastDelivered", "Paused")); diff != "" {
			t.Error(diff)
		}
		if e := got["email"]; e.LastDelivered == nil || e.OldestDue == nil || e.OldestDue.Year() != 2020 || got["whatsapp"].Paused == nil {
			t.Errorf("times are missing: %+v", got)
		}
	})
}

func TestResumeEndsPauseAndHold(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert(2)
		ds := f.claim(f.Store, 2, to("email"))
		f.record(f.Store, 0, settled(ds[0], event.Outcome{Code: event.Unavailable, Reason: "wrong password"}))
		f.exec("UPDATE event_deliveries SET due_at = '2999-01-01 00:00:00', token = NULL WHERE id = ?", ds[1].ID)
		for _, want := range []bool{true, false} {
			if changed, err := f.Pause(t.Context(), "email"); err != nil || changed != want {
				t.Fatalf("Pause = %v, %v, want %v", changed, err, want)
			}
		}
		if got := f.standing("email"); !got.Held {
			t.Fatalf("paused and held, the listener is %+v, want held", got)
		}
		for _, want := range []bool{true, false} {
			if changed, err := f.Resume(t.Context(), "email"); err != nil || changed != want {
				t.Fatalf("Resume = %v, %v, want %v", changed, err, want)
			}
		}
		if got := f.listeners()["email"]; got.State != "ready" || got.Due != 1 || got.Open != 2 || got.Reason != "" {
			t.Errorf("resumed, the listener is %+v, want ready with one due of two", got)
		}
		if got := f.take(f.Store, "email", 5); len(got) != 1 || got[0].ID != ds[0].ID {
			t.Errorf("took %+v, want what was held", got)
		}
	})
}
