package e2e

import (
	"sync"
	"testing"

	"github.com/earshot-host/earshot/host/internal/testdb"
)

// ledgerRoute sends order.paid to one ledger, ledger.jsonl.
func (h *host) ledgerRoute() {
	h.t.Helper()
	h.events(`listeners:
  ledger: {plugin: ledger, config: {path: ` + h.path("ledger.jsonl") + `}}
events:
  order.paid: [ledger]
`)
}

// Cron mails whatever a command prints.
func TestCronIsSilent(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db testdb.DB) {
		h := newHost(t, db)
		h.ledgerRoute()
		for name, fill := range map[string]func(){
			"nothing due": func() {},
			"one event":   func() { h.insert("order.paid", `{}`) },
		} {
			for _, args := range [][]string{{"process_events"}, {"process_events", "20"}, {"run", "--once", "--limit", "20"}} {
				fill()
				if r := h.run(args...); r != (result{}) {
					t.Errorf("%s: %v ended with %+v, want silence and 0", name, args, r)
				}
			}
		}
		if n := len(entries(t, h.path("ledger.jsonl"), "done")); n != 3 {
			t.Errorf("%d of 3 events were delivered", n)
		}
	})
}

// Two minutes' cron runs may overlap: each event is delivered once.
func TestRunsOverlap(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db testdb.DB) {
		h := newHost(t, db)
		h.ledgerRoute()
		const events = 60
		for range events {
			h.insert("order.paid", `{}`)
		}
		var runs sync.WaitGroup
		for range 4 {
			runs.Go(func() {
				if r := h.run("process_events", "20"); r != (result{}) {
					t.Errorf("overlapping run ended with %+v", r)
				}
			})
		}
		runs.Wait()
		eventually(t, "the rest is done", func() bool {
			h.mustRun("process_events", "20")
			return h.count("SELECT COUNT(*) FROM event_queue WHERE status <> 'processed'") == 0
		})
		calls := perEvent(entries(t, h.path("ledger.jsonl"), "begin"))
		for id, n := range calls {
			if n != 1 {
				t.Errorf("event %d was delivered %d times", id, n)
			}
		}
		if len(calls) != events {
			t.Errorf("%d of %d events were delivered", len(calls), events)
		}
	})
}

// process_events N takes N events and leaves the rest for the next minute.
func TestLimit(t *testing.T) {
	h := newHost(t, testdb.SQLite(t))
	h.ledgerRoute()
	for range 15 {
		h.insert("order.paid", `{}`)
	}
	h.mustRun("process_events")
	if n := h.count("SELECT COUNT(*) FROM event_queue WHERE status = 'processed'"); n != 10 {
		t.Errorf("%d events were processed, want 10", n)
	}
	h.mustRun("process_events", "2")
	if n := h.count("SELECT COUNT(*) FROM event_queue WHERE status = 'processed'"); n != 12 {
		t.Errorf("%d events were processed, want 12", n)
	}
}
