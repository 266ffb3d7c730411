package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/earshot-host/earshot/host/internal/testdb"
)

// twoLedgers tells order.paid to two listeners, the second of which rejects
// until the file mended is there.
func (h *host) twoLedgers() {
	h.t.Helper()
	h.events(`listeners:
  good: {plugin: ledger, config: {path: ` + h.path("good.jsonl") + `}}
  bad: {plugin: ledger, config: {path: ` + h.path("bad.jsonl") + `, bad: permanent, until: ` + h.path("mended") + `}}
events:
  order.paid: [good, bad]
`)
}

// What failed is seen, mended and sent again, and who has delivered is not
// told twice.
func TestRetryAfterMending(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db testdb.DB) {
		h := newHost(t, db)
		h.twoLedgers()
		for range 3 {
			h.insert("order.paid", `{"customer":{"email":"ana@example.com"}}`)
		}
		h.mustRun("process_events")
		if out := h.mustRun("queue", "list", "--status", "failed", "--listener", "bad", "-o", "jsonl"); strings.Count(out, "\n") != 3 {
			t.Fatalf("failed events:\n%s\nwant three", out)
		}
		touch(t, h.path("mended"))
		if out := h.mustRun("queue", "retry", "--failed", "--limit", "2", "--yes"); !strings.HasPrefix(out, "2 of 2") {
			t.Errorf("retry said %q", out)
		}
		h.mustRun("process_events")
		h.mustRun("queue", "retry", "--listener", "bad", "--match", "customer.email=ana@example.com", "--yes")
		h.mustRun("process_events")
		if n := h.count("SELECT COUNT(*) FROM event_queue WHERE status = 'processed'"); n != 3 {
			t.Errorf("%d of 3 events are processed", n)
		}
		if n := len(entries(t, h.path("good.jsonl"), "begin")); n != 3 {
			t.Errorf("the listener that had delivered was told %d times, want 3", n)
		}
		if n := len(entries(t, h.path("bad.jsonl"), "done")); n != 3 {
			t.Errorf("the other has %d of 3", n)
		}
	})
}

func TestPausedListenerWaits(t *testing.T) {
	h := newHost(t, testdb.SQLite(t))
	h.ledgerRoute()
	h.mustRun("queue", "pause", "--listener", "ledger")
	id := h.insert("order.paid", `{}`)
	h.mustRun("process_events")
	if status, _ := h.event(id); status != "processing" {
		t.Errorf("event is %s, want laid out and waiting", status)
	}
	h.mustRun("queue", "resume", "--listener", "ledger")
	h.mustRun("process_events")
	if status, _ := h.event(id); status != "processed" {
		t.Errorf("event is %s, want processed", status)
	}
}

func TestDispatchNow(t *testing.T) {
	h := newHost(t, testdb.SQLite(t))
	h.twoLedgers()
	if r := h.run("dispatch", "order.paid", "--payload", "{}", "--sync"); r.code != 7 || !strings.Contains(r.stdout, "rejected") {
		t.Errorf("%+v, want exit code 7 and one rejected", r)
	}
	touch(t, h.path("mended"))
	r := h.run("dispatch", "order.paid", "--payload", "{}", "--sync", "-o", "json")
	var told []struct{ Listener, Outcome string }
	if err := json.Unmarshal([]byte(r.stdout), &told); err != nil || r.code != 0 || len(told) != 2 || told[0].Outcome != "delivered" {
		t.Errorf("%+v, %v, want two delivered", r, err)
	}
	if r := h.run("dispatch", "order.lost", "--payload", "{}", "--sync"); r.code != 9 {
		t.Errorf("%+v, want exit code 9 for an event without an entry", r)
	}
	if n := h.count("SELECT COUNT(*) FROM event_queue"); n != 0 {
		t.Errorf("%d events are in the queue, want none", n)
	}
}

func TestDispatchAndWait(t *testing.T) {
	h := newHost(t, testdb.SQLite(t))
	h.twoLedgers()
	s := h.start("--metrics", "off")
	if r := h.run("dispatch", "order.paid", "--payload", "{}", "--wait"); r.code != 1 || !strings.Contains(r.stdout, "dead") {
		t.Errorf("%+v, want exit code 1 and one dead", r)
	}
	touch(t, h.path("mended"))
	if r := h.run("dispatch", "order.paid", "--payload", "{}", "--wait"); r.code != 0 || strings.Count(r.stdout, "delivered") != 2 {
		t.Errorf("%+v, want two delivered", r)
	}
	s.signal(15)
	s.wait()
}

func TestServiceIsWatched(t *testing.T) {
	h := newHost(t, testdb.SQLite(t))
	h.ledgerRoute()
	id := h.insert("order.paid", `{}`)
	s := h.start("--metrics", "127.0.0.1:0")
	var addr string
	at := regexp.MustCompile(`address=(\S+)`)
	eventually(t, "the service tells its address", func() bool {
		if m := at.FindStringSubmatch(s.log.String()); m != nil {
			addr = m[1]
		}
		return addr != ""
	})
	eventually(t, "the event is processed", func() bool { status, _ := h.event(id); return status == "processed" })
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(path string) (int, string) {
		resp, err := client.Get("http://" + addr + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	eventually(t, "the delivery is counted", func() bool {
		_, text := get("/metrics")
		return strings.Contains(text, `earshot_deliveries_total{event="order.paid",listener="ledger",outcome="ok"} 1`)
	})
	for _, path := range []string{"/-/healthy", "/-/ready"} {
		if code, text := get(path); code != http.StatusOK {
			t.Errorf("%s: %d %s", path, code, text)
		}
	}
	if r := h.run("run", "--metrics", addr); r.code == 0 || !strings.Contains(r.stderr, "listen for metrics") {
		t.Errorf("a second host on the same address: %+v, want an error", r)
	}
	s.signal(15)
	if code := s.wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestCronIsWatched(t *testing.T) {
	h := newHost(t, testdb.SQLite(t))
	h.ledgerRoute()
	h.insert("order.paid", `{}`)
	if r := h.run("run", "--once", "--metrics-textfile", "earshot.prom"); r != (result{}) {
		t.Errorf("%+v, want silence", r)
	}
	text, err := os.ReadFile(h.path("earshot.prom"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"earshot_last_run_events 1", "earshot_last_run_successful 1", `earshot_queue_events{status="processed"} 1`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the textfile has no %s", want)
		}
	}
}

func TestRetention(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db testdb.DB) {
		h := newHost(t, db)
		h.ledgerRoute()
		old, fresh := h.insert("order.paid", `{}`), h.insert("order.paid", `{}`)
		h.mustRun("process_events")
		if _, err := h.db.Exec("UPDATE event_queue SET create_datetime = '2020-01-01 00:00:00', processed_at = '2020-01-01 00:00:00' WHERE id = ?", old); err != nil {
			t.Fatal(err)
		}
		h.mustRun("process_events")
		if n := h.count("SELECT COUNT(*) FROM event_queue WHERE id = ?", old) + h.count("SELECT COUNT(*) FROM event_deliveries WHERE event_id = ?", old); n != 0 {
			t.Errorf("%d rows of the old event are left", n)
		}
		if n := h.count("SELECT COUNT(*) FROM event_queue WHERE id = ?", fresh); n != 1 {
			t.Error("the fresh event is gone")
		}
	})
}

func TestPausedEventWaits(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db testdb.DB) {
		h := newHost(t, db)
		h.ledgerRoute()
		s := h.start("--metrics", "off")
		h.mustRun("queue", "pause", "--event", "order.*")
		// A host sees it within a second: what comes after that waits.
		eventually(t, "an event waits", func() bool {
			id := h.insert("order.paid", `{}`)
			eventually(t, "the event is laid out", func() bool { status, _ := h.event(id); return status != "pending" })
			return strings.Contains(h.mustRun("queue", "show", itoa(int(id))), "event is paused")
		})
		h.mustRun("queue", "resume", "--event", "order.*")
		eventually(t, "all are processed", func() bool {
			return h.count("SELECT COUNT(*) FROM event_queue WHERE status <> 'processed'") == 0
		})
		s.signal(15)
		s.wait()
	})
}
