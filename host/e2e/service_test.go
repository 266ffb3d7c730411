package e2e

import (
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/earshot-host/earshot/host/internal/testdb"
)

func itoa(n int) string { return strconv.Itoa(n) }

// SIGTERM lets the running call finish, records it, gives back the rest, and
// leaves no plugin behind.
func TestTermDrains(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db testdb.DB) {
		h := newHost(t, db)
		ledger := h.path("ledger.jsonl")
		h.events(`listeners:
  slow: {plugin: ledger, concurrency: 1, config: {path: ` + ledger + `, bad: block, until: ` + h.path("go") + `}}
events:
  order.paid: [slow]
`)
		first := h.insert("order.paid", `{}`)
		for range 4 {
			h.insert("order.paid", `{}`)
		}
		s := h.start("--verbose")
		eventually(t, "the first call has begun", func() bool { return len(entries(t, ledger, "begin")) == 1 })
		s.signal(syscall.SIGTERM)
		eventually(t, "what was not begun is given back", func() bool {
			return h.count("SELECT COUNT(*) FROM event_deliveries WHERE state = 'open' AND token IS NULL")+
				h.count("SELECT COUNT(*) FROM event_queue WHERE status = 'pending'") == 4
		})
		touch(t, h.path("go"))
		if code := s.wait(); code != 0 {
			t.Errorf("exit code %d after SIGTERM, want 0", code)
		}
		if status, _ := h.event(first); status != "processed" {
			t.Errorf("the call that ran when SIGTERM came left its event %s, want processed", status)
		}
		begun := entries(t, ledger, "begin")
		if len(begun) != 1 {
			t.Errorf("%d calls were begun, want only the one before SIGTERM", len(begun))
		}
		if alive(begun[0].PID) {
			t.Error("the plugin outlived its host")
		}
		// Given back means due at once, with nothing counted against it.
		h.mustRun("run", "--once")
		for _, e := range entries(t, ledger, "done") {
			if e.Attempt != 1 || e.Redelivered {
				t.Errorf("event %d was delivered as attempt %d, redelivered %t; want 1, false", e.EventID, e.Attempt, e.Redelivered)
			}
		}
		if n := len(entries(t, ledger, "done")); n != 5 {
			t.Errorf("%d of 5 events were delivered", n)
		}
	})
}

// A changed events.yaml is put to use on SIGHUP, or soon after without; one
// with a mistake changes nothing.
func TestReload(t *testing.T) {
	h := newHost(t, testdb.SQLite(t))
	route := func(listener string) string {
		return `listeners:
  ` + listener + `: {plugin: ledger, config: {path: ` + h.path(listener+".jsonl") + `}}
events:
  order.paid: [` + listener + `]
`
	}
	delivered := func(listener string) func() bool {
		return func() bool { return len(entries(t, h.path(listener+".jsonl"), "done")) == 1 }
	}
	h.events(route("first"))
	s := h.start()
	h.insert("order.paid", `{}`)
	eventually(t, "the first listener is told", delivered("first"))

	h.events(route("second"))
	s.signal(syscall.SIGHUP)
	eventually(t, "the file is reloaded", func() bool { return strings.Contains(s.log.String(), "events.yaml was reloaded") })
	h.insert("order.paid", `{}`)
	eventually(t, "the second listener is told", delivered("second"))

	h.events("listeners: {third: {plugin: ledger}}\nevents: {order.paid: [thrid]}\n")
	s.signal(syscall.SIGHUP)
	eventually(t, "the mistake is told", func() bool { return strings.Contains(s.log.String(), `did you mean`) })
	h.events(route("third"))
	eventually(t, "the change is seen without a signal", func() bool {
		return strings.Count(s.log.String(), "events.yaml was reloaded") == 2
	})
	h.insert("order.paid", `{}`)
	eventually(t, "the third listener is told", delivered("third"))
	s.signal(syscall.SIGTERM)
	if code := s.wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, l := range []string{"first", "second"} {
		if n := len(entries(t, h.path(l+".jsonl"), "begin")); n != 1 {
			t.Errorf("%s was called %d times, want once", l, n)
		}
	}
}
