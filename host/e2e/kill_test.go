package e2e

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/earshot-host/earshot/host/internal/testdb"
)

// A host that is killed in the middle loses nothing: the next run delivers what
// was not recorded, and no plugin is left behind.
func TestKilledHostLosesNothing(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db testdb.DB) {
		h := newHost(t, db)
		ledger := h.path("ledger.jsonl")
		h.events(`listeners:
  quick: {plugin: ledger, config: {path: ` + h.path("quick.jsonl") + `}}
  slow: {plugin: ledger, concurrency: 4, config: {path: ` + ledger + `, bad: block, until: ` + h.path("go") + `}}
events:
  order.paid: [quick, slow]
`)
		const events = 20
		for range events {
			h.insert("order.paid", `{}`)
		}
		s := h.start()
		eventually(t, "four calls are in flight, and the other listener is done", func() bool {
			return len(entries(t, ledger, "begin")) == 4 && len(entries(t, h.path("quick.jsonl"), "done")) == events
		})
		s.signal(syscall.SIGKILL)
		if code := s.wait(); code != -1 {
			t.Fatalf("the killed host ended with code %d", code)
		}
		plugins := append(entries(t, ledger, "begin"), entries(t, h.path("quick.jsonl"), "begin")...)
		eventually(t, "the plugins end with their host", func() bool {
			for _, e := range plugins {
				if alive(e.PID) {
					return false
				}
			}
			return true
		})

		touch(t, h.path("go"))
		eventually(t, "later runs finish every event", func() bool {
			h.mustRun("run", "--once")
			return h.count("SELECT COUNT(*) FROM event_queue WHERE status <> 'processed'") == 0
		})
		done := perEvent(entries(t, ledger, "done"))
		if len(done) != events {
			t.Errorf("%d of %d events were delivered", len(done), events)
		}
		for _, e := range entries(t, ledger, "done") {
			if done[e.EventID] != 1 {
				t.Errorf("event %d was delivered %d times", e.EventID, done[e.EventID])
			}
		}
		// What was in flight is made again, and says so.
		redelivered := 0
		for id, calls := range perEvent(entries(t, ledger, "begin")) {
			if calls == 2 {
				redelivered++
			} else if calls != 1 {
				t.Errorf("event %d was begun %d times", id, calls)
			}
		}
		marked := 0
		for _, e := range entries(t, ledger, "done") {
			if e.Redelivered {
				marked++
			}
		}
		if redelivered != 4 || marked < 4 {
			t.Errorf("%d events were begun twice and %d calls were marked as redelivered, want 4 and at least 4", redelivered, marked)
		}
	})
}

// alive reports whether a process runs; one that ended but was not waited for does not.
func alive(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	_, err := os.Readlink("/proc/" + itoa(pid) + "/exe")
	return err == nil
}

// A plugin that dies in a call takes nobody with it: the delivery counts as
// lost, not as failed, and after three losses nobody tries again.
func TestPluginThatDies(t *testing.T) {
	h := newHost(t, testdb.SQLite(t))
	h.events(`listeners:
  good: {plugin: ledger, config: {path: ` + h.path("good.jsonl") + `}}
  fatal:
    plugin: ledger
    config: {path: ` + h.path("fatal.jsonl") + `, bad: exit, until: ` + h.path("never") + `}
    retry: {first: 1s, factor: 1, jitter: 0}
events:
  order.paid: [good, fatal]
`)
	id := h.insert("order.paid", `{}`)
	s := h.start()
	eventually(t, "the event is given up", func() bool {
		status, _ := h.event(id)
		return status == "failed"
	})
	if _, reason := h.event(id); reason == "" || h.count("SELECT lost FROM event_deliveries WHERE listener = 'fatal'") != 3 {
		t.Errorf("reason is %q, want one, and three losses", reason)
	}
	if n := h.count("SELECT attempts FROM event_deliveries WHERE listener = 'fatal'"); n != 0 {
		t.Errorf("losing the plugin burned %d attempts", n)
	}
	next := h.insert("order.paid", `{}`)
	eventually(t, "the good listener goes on", func() bool { return deliveries(h, next)["good"] == "delivered" })
	s.signal(syscall.SIGTERM)
	s.wait()
}
