package e2e

import (
	"strings"
	"testing"

	"github.com/earshot-host/earshot/host/internal/testdb"
)

// One listener that fails leaves the other's delivery alone, and only the
// failing one is tried again.
func TestOneListenerFails(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db testdb.DB) {
		h := newHost(t, db)
		h.events(`listeners:
  good: {plugin: ledger, config: {path: ` + h.path("good.jsonl") + `}}
  bad:
    plugin: ledger
    config: {path: ` + h.path("bad.jsonl") + `, bad: retry, until: ` + h.path("mended") + `}
    retry: {max_attempts: 50, first: 1s, factor: 1, jitter: 0}
events:
  order.paid: [good, bad]
`)
		id := h.insert("order.paid", `{"n": 1}`)
		h.mustRun("process_events", "20")
		if status, reason := h.event(id); status != "processing" || !strings.Contains(reason, "bad: the provider is down (will be tried again)") {
			t.Errorf("event is %s %q, want processing with the reason", status, reason)
		}
		if state := deliveries(h, id); state["good"] != "delivered" || state["bad"] != "open" {
			t.Errorf("deliveries are %v, want good delivered and bad open", state)
		}

		touch(t, h.path("mended"))
		eventually(t, "the failing listener is tried again", func() bool {
			h.mustRun("process_events", "20")
			status, _ := h.event(id)
			return status == "processed"
		})
		if n := len(entries(t, h.path("good.jsonl"), "begin")); n != 1 {
			t.Errorf("the listener that had delivered was called %d times, want once", n)
		}
		again := entries(t, h.path("bad.jsonl"), "begin")
		if last := again[len(again)-1]; len(again) < 2 || last.Attempt != len(again) || last.Key != again[0].Key {
			t.Errorf("the failing listener's calls are %+v; want attempts counted, under one key", again)
		}
	})
}

// deliveries returns the states of an event's deliveries, by listener.
func deliveries(h *host, id int64) map[string]string {
	h.t.Helper()
	rows, err := h.db.Query("SELECT listener, state FROM event_deliveries WHERE event_id = ?", id)
	if err != nil {
		h.t.Fatal(err)
	}
	defer rows.Close()
	out := make(map[string]string)
	for rows.Next() {
		var listener, state string
		if err := rows.Scan(&listener, &state); err != nil {
			h.t.Fatal(err)
		}
		out[listener] = state
	}
	if err := rows.Err(); err != nil {
		h.t.Fatal(err)
	}
	return out
}
