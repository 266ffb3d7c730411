package queue_test

import (
	"testing"
	"time"

	"github.com/earshot-host/earshot/host/internal/event"
)

// done finishes n events, delivered except for the last, and makes them old.
func (f fixture) done(n int) {
	f.t.Helper()
	f.insert(n)
	for _, d := range f.claim(f.Store, n, to("email")) {
		if d.Event.ID == int64(n) {
			f.record(f.Store, 0, settled(d, event.Outcome{Code: event.Rejected, Reason: "no"}))
			continue
		}
		f.record(f.Store, 0, settled(d, event.Outcome{Code: event.Delivered, Receipts: []event.Receipt{{Key: "ana"}}}))
	}
	f.exec("UPDATE event_queue SET create_datetime = '2020-01-01', update_datetime = '2020-01-01', processed_at = CASE WHEN processed_at IS NOT NULL THEN '2020-01-01 00:00:00' END")
}

func TestPruneDeletesWhatIsOldAndFinished(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.done(4)
		f.insert(2)
		f.exec("UPDATE event_queue SET processed_at = NULL, status = 'processed' WHERE id = 6")
		f.exec("UPDATE event_deliveries SET due_at = '2030-01-01 00:00:00' WHERE event_id = 1")
		total := 0
		for from, first := int64(0), true; first || from != 0; first = false {
			n, next, err := f.Prune(t.Context(), "processed", time.Hour, from, 3)
			if err != nil {
				t.Fatal(err)
			}
			total, from = total+n, next
		}
		if total != 2 {
			t.Errorf("pruned %d events, want 2 and 3", total)
		}
		f.want("4", "SELECT COUNT(*) FROM event_queue WHERE id IN (1, 4, 5, 6)")
		f.want("2", "SELECT COUNT(*) FROM event_deliveries")
		if n, _, err := f.Prune(t.Context(), "failed", time.Hour, 0, 10); err != nil || n != 1 {
			t.Errorf("pruned %d failed events, %v, want 1", n, err)
		}
		f.want("0", "SELECT COUNT(*) FROM event_attempts")
	})
}

func TestPruneStopsAtWhatIsNew(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.done(2)
		f.insert(10)
		if _, next, err := f.Prune(t.Context(), "processed", time.Hour, 0, 2); err != nil || next != 3 {
			t.Errorf("next = %d, %v, want 3", next, err)
		}
		if _, next, err := f.Prune(t.Context(), "processed", time.Hour, 3, 2); err != nil || next != 0 {
			t.Errorf("next = %d, %v, want the end: the rest is new", next, err)
		}
	})
}

func TestScrubEmptiesThePayload(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.done(3)
		for _, want := range []int{2, 0} {
			if n, _, err := f.Scrub(t.Context(), time.Hour, 0, 10); err != nil || n != want {
				t.Errorf("scrubbed %d, %v, want %d", n, err, want)
			}
		}
		f.want("2", "SELECT COUNT(*) FROM event_queue WHERE payload = '{}' AND status = 'processed'")
		f.want("0", "SELECT COUNT(*) FROM event_deliveries WHERE receipts IS NOT NULL")
	})
}

func TestPruneOrphans(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.done(4)
		f.exec("DELETE FROM event_queue WHERE id IN (1, 2, 4)")
		total := 0
		for from, first := int64(0), true; first || from != 0; first = false {
			n, next, err := f.PruneOrphans(t.Context(), from, 2)
			if err != nil {
				t.Fatal(err)
			}
			total, from = total+n, next
		}
		if total != 3 {
			t.Errorf("pruned %d orphans, want 3", total)
		}
		f.want("1", "SELECT COUNT(*) FROM event_deliveries WHERE event_id = 3")
	})
}

func TestOneHostLeads(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		b := f.host("host-b", "")
		for _, want := range []struct {
			leads bool
			name  string
			lead  func() (bool, error)
		}{
			{true, "a", func() (bool, error) { return f.Lead(t.Context(), "retention", time.Minute) }},
			{false, "b", func() (bool, error) { return b.Lead(t.Context(), "retention", time.Minute) }},
			{true, "a again", func() (bool, error) { return f.Lead(t.Context(), "retention", time.Minute) }},
			{true, "b once a's time is over", func() (bool, error) {
				f.exec("UPDATE event_locks SET held_until = '2020-01-01 00:00:00'")
				return b.Lead(t.Context(), "retention", time.Minute)
			}},
			{false, "a is too late", func() (bool, error) { return f.Lead(t.Context(), "retention", time.Minute) }},
		} {
			if got, err := want.lead(); err != nil || got != want.leads {
				t.Errorf("%s: Lead = %v, %v, want %v", want.name, got, err, want.leads)
			}
		}
	})
}
