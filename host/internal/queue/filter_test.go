package queue_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/queue"
)

// seed writes one event of each kind:
// 1 delivered by both, 2 dead for email and delivered by log, 3 not routed,
// 4 waiting for its next try, 5 running, 6 pending, 7 scheduled.
func (f fixture) seed() {
	f.t.Helper()
	names := []string{"appointment.saved", "appointment.saved", "order.paid", "appointment.deleted", "appointment.saved", "appointment.updated", "later"}
	emails := []string{"ana@example.com", "bruno@example.com", "ana@example.com", "carla@example.com", "ana@example.com", "ana@example.com", "ana@example.com"}
	for i, name := range names {
		f.exec("INSERT INTO event_queue (event_name, payload, scheduled_at) VALUES (?, ?, ?)", name,
			`{"customer":{"email":"`+emails[i]+`"},"n":`+string(rune('1'+i))+`,"to":["x","y"]}`, map[bool]any{true: "2999-01-01 00:00:00"}[i == 6])
	}
	// The claim goes by scheduled_at first, and NULL comes first of all.
	ds := f.claim(f.Store, 5, func(ev event.Event) event.Plan {
		if ev.Name == "order.paid" {
			return event.Plan{Refused: `no listener is registered for "order.paid"`}
		}
		return to("email", "log")(ev)
	})
	var group []event.Settled
	for _, d := range ds {
		switch {
		case d.Event.ID == 2 && d.Listener == "email":
			group = append(group, settled(d, event.Outcome{Code: event.Rejected, Reason: "no such mailbox"}))
		case d.Event.ID == 4 && d.Listener == "email":
			group = append(group, settled(d, event.Outcome{Code: event.Retry, Reason: "greylisted"}))
		case d.Event.ID != 5:
			group = append(group, delivered(d))
		}
	}
	f.record(f.Store, 0, group...)
}

func (f fixture) find(filter queue.Filter) []int64 {
	f.t.Helper()
	var out []int64
	err := f.Find(f.t.Context(), filter, func(ids []int64) error {
		out = append(out, ids...)
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return out
}

func TestFilter(t *testing.T) {
	email := func(v string) []queue.Match { return []queue.Match{{Path: "customer.email", Value: v}} }
	tests := []struct {
		name   string
		filter queue.Filter
		want   []int64
	}{
		{"all", queue.Filter{}, []int64{1, 2, 3, 4, 5, 6, 7}},
		{"ids", queue.Filter{IDs: []int64{4, 2, 99}}, []int64{2, 4}},
		{"range", queue.Filter{From: 2, To: 4}, []int64{2, 3, 4}},
		{"limit", queue.Filter{Limit: 2}, []int64{1, 2}},
		{"before", queue.Filter{Before: 3}, []int64{1, 2}},
		{"status", queue.Filter{Status: []string{"failed"}}, []int64{2, 3}},
		{"two statuses", queue.Filter{Status: []string{"failed", "processed"}}, []int64{1, 2, 3}},
		{"event", queue.Filter{Event: []string{"order.paid"}}, []int64{3}},
		{"events that begin so", queue.Filter{Event: []string{"appointment.*", "later"}}, []int64{1, 2, 4, 5, 6, 7}},
		{"_ is itself", queue.Filter{Event: []string{"appointment_*"}}, nil},
		{"listener", queue.Filter{Listener: []string{"email"}}, []int64{1, 2, 4, 5}},
		{"listener and state", queue.Filter{Listener: []string{"email"}, State: []string{"dead"}}, []int64{2}},
		{"another's state", queue.Filter{Listener: []string{"log"}, State: []string{"dead"}}, nil},
		{"state", queue.Filter{State: []string{"open"}}, []int64{4, 5}},
		{"status and listener", queue.Filter{Status: []string{"failed"}, Listener: []string{"log"}}, []int64{2}},
		{"since", queue.Filter{Since: time.Now().Add(-time.Hour)}, []int64{1, 2, 3, 4, 5, 6, 7}},
		{"since later", queue.Filter{Since: time.Now().Add(time.Hour)}, nil},
		{"until", queue.Filter{Until: time.Now().Add(-time.Hour)}, nil},
		{"error", queue.Filter{Error: "MAILBOX"}, []int64{2}},
		{"error of what waits", queue.Filter{Error: "greylisted"}, []int64{4}},
		{"% is itself", queue.Filter{Error: "%"}, nil},
		{"match", queue.Filter{Match: email("ana@example.com")}, []int64{1, 3, 5, 6, 7}},
		{"match is whole", queue.Filter{Match: email("ana")}, nil},
		{"match a number", queue.Filter{Match: []queue.Match{{Path: "n", Value: "4"}}}, []int64{4}},
		{"match in a list", queue.Filter{Match: []queue.Match{{Path: "to.1", Value: "y"}, {Path: "n", Value: "2"}}}, []int64{2}},
		{"match and limit", queue.Filter{Match: email("ana@example.com"), Limit: 2}, []int64{1, 3}},
	}
	onEach(t, func(t *testing.T, f fixture) {
		f.seed()
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				f.t = t
				if diff := cmp.Diff(tt.want, f.find(tt.filter)); diff != "" {
					t.Errorf("Find: %s", diff)
				}
				rows, err := f.List(t.Context(), tt.filter)
				if err != nil {
					t.Fatal(err)
				}
				var ids []int64
				for _, r := range rows {
					ids = append(ids, r.ID)
				}
				slices.Reverse(ids)
				if tt.filter.Limit == 0 && !slices.Equal(tt.want, ids) {
					t.Errorf("List = %v, want %v", ids, tt.want)
				}
			})
		}
	})
}

func TestListPagesByKey(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert(1100)
		f.exec("UPDATE event_queue SET payload = ? WHERE id IN (3, 4, 1000)", `{"name":"Jos\u00e9"}`)
		var got []int64
		filter := queue.Filter{Match: []queue.Match{{Path: "name", Value: "José"}}, Limit: 2}
		for {
			rows, err := f.List(t.Context(), filter)
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) == 0 {
				break
			}
			for _, r := range rows {
				got = append(got, r.ID)
			}
			filter.Before = got[len(got)-1]
		}
		if want := []int64{1000, 4, 3}; !slices.Equal(got, want) {
			t.Errorf("pages hold %v, want %v", got, want)
		}
		if all := f.find(queue.Filter{}); len(all) != 1100 || !slices.IsSorted(all) {
			t.Errorf("found %d events, want 1100 in order", len(all))
		}
	})
}
