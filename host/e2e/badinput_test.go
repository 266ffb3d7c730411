package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/earshot-host/earshot/host/internal/testdb"
)

// A row that nobody can use ends failed and says why; its neighbours are
// delivered and the host lives.
func TestBadPayloads(t *testing.T) {
	whole := `{"text": "` + strings.Repeat("x", 70_000) + `"}`
	tests := []struct {
		name    string
		event   string
		payload string
		want    string
	}{
		{"not JSON", "order.paid", "hello", "payload is not JSON"},
		{"empty", "order.paid", "", "payload is empty"},
		{"cut at the end of a TEXT column", "order.paid", whole[:65_535], "payload is cut off at 65535 bytes"},
		{"cut elsewhere", "order.paid", whole[:1_000], "ends too early, after 1000 bytes"},
		{"zero", "order.paid", "0", "payload is a number; it must be a JSON object"},
		{"null", "order.paid", "null", "payload is null; it must be a JSON object"},
		{"list", "order.paid", "[]", "payload is a list; it must be a JSON object"},
		{"text", "order.paid", `"{}"`, "payload is text; it must be a JSON object"},
		{"16 MB", "order.paid", `{"text": "` + strings.Repeat("x", 16_000_000) + `"}`, "payload is 16000012 bytes, more than the limit of 1048576; raise max_payload"},
		{"invalid UTF-8", "order.paid", "{\"text\": \"\xff\xfe\"}", "payload is not valid UTF-8 at byte 10"},
		{"unknown event", "order.eaten", "{}", `no listener is registered for "order.eaten"`},
	}
	testdb.Each(t, func(t *testing.T, db testdb.DB) {
		h := newHost(t, db)
		h.ledgerRoute()
		if db.Driver == "mysql" {
			// A column of bytes takes what the server would refuse as text.
			if _, err := h.db.Exec("ALTER TABLE event_queue MODIFY payload LONGBLOB NOT NULL"); err != nil {
				t.Fatal(err)
			}
		}
		ids := make([]int64, len(tests))
		for i, tt := range tests {
			h.insert("order.paid", `{"neighbour": true}`)
			ids[i] = h.insert(tt.event, []byte(tt.payload))
		}
		h.mustRun("run", "--once")
		for i, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				if status, reason := h.event(ids[i]); status != "failed" || !strings.Contains(reason, tt.want) {
					t.Errorf("event is %s %q, want failed with %q", status, reason, tt.want)
				}
			})
		}
		if n := len(entries(t, h.path("ledger.jsonl"), "done")); n != len(tests) {
			t.Errorf("%d of %d neighbours were delivered", n, len(tests))
		}
	})
}

// A host that cannot work says so in one sentence, with its exit code, and
// touches nothing.
func TestBadSetup(t *testing.T) {
	const one = "listeners:\n  a: {plugin: ledger, config: {path: a.jsonl}}\nevents:\n  order.paid: [a]\n"
	tests := []struct {
		name  string
		spoil func(t *testing.T, h *host)
		code  int
		want  []string
	}{
		{"no events.yaml", func(t *testing.T, h *host) { remove(t, h.path("events.yaml")) }, 3, []string{"events.yaml", "cannot be read"}},
		{"mistake in events.yaml", func(_ *testing.T, h *host) { h.events(strings.Replace(one, "plugin", "plugn", 1)) }, 3,
			[]string{"events.yaml:3:7", `did you mean`}},
		{"listener not defined", func(_ *testing.T, h *host) { h.events(strings.Replace(one, "[a]", "[b]", 1)) }, 3, []string{"events.yaml:5:16", `"b"`}},
		{"plugin missing", func(_ *testing.T, h *host) { h.events(strings.Replace(one, "ledger", "missing", 1)) }, 6,
			[]string{"listener a", "earshot-listener-missing", "plugins"}},
		{"secret not readable", func(_ *testing.T, h *host) {
			h.events(strings.Replace(one, "a.jsonl", "{file: nowhere}", 1))
		}, 3, []string{"events.yaml:3", "nowhere"}},
		{"secret not in the environment", func(_ *testing.T, h *host) {
			h.events(strings.Replace(one, "a.jsonl", "{env: NOT_SET}", 1))
		}, 3, []string{"events.yaml:3", "NOT_SET"}},
		{"mistake in host.yaml", func(_ *testing.T, h *host) { h.write("host.yaml", "databse: {driver: sqlite}\n") }, 3, []string{"host.yaml:1:1", `did you mean`}},
		{"no such server", func(_ *testing.T, h *host) {
			h.write("host.yaml", "database: {driver: mysql, dsn: {file: dsn}}\nevents: events.yaml\nplugins: {dirs: [plugins]}\n")
			h.write("dsn", "u:s3cret-word@tcp(127.0.0.1:1)/app")
		}, 4, []string{"127.0.0.1:1", "database.dsn"}},
		{"DSN that is none", func(_ *testing.T, h *host) {
			h.write("host.yaml", "database: {driver: mysql, dsn: {file: dsn}}\nevents: events.yaml\nplugins: {dirs: [plugins]}\n")
			h.write("dsn", "s3cret-word@127.0.0.1")
		}, 3, []string{"host.yaml:1:32", "not a DSN of MySQL"}},
		{"tables missing", func(t *testing.T, h *host) { h.mustRun("migrate", "down", "--yes") }, 5, []string{"earshot migrate up"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, testdb.SQLite(t))
			h.events(one)
			id := h.insert("order.paid", "{}")
			tt.spoil(t, h)
			for _, args := range [][]string{{"run", "--once"}, {"process_events", "20"}, {"run"}} {
				r := h.run(args...)
				if r.code != tt.code {
					t.Errorf("%v: exit code %d, want %d", args, r.code, tt.code)
				}
				if r.stdout != "" {
					t.Errorf("%v printed to stdout: %s", args, r.stdout)
				}
				for _, want := range tt.want {
					if !strings.Contains(r.stderr, want) {
						t.Errorf("%v: stderr lacks %q:\n%s", args, want, r.stderr)
					}
				}
				for _, not := range []string{"goroutine ", "panic", "s3cret-word", "failed to"} {
					if strings.Contains(r.stderr, not) {
						t.Errorf("%v: stderr has %q:\n%s", args, not, r.stderr)
					}
				}
			}
			if tt.code != 5 {
				if status, _ := h.event(id); status != "pending" {
					t.Errorf("event is %s, want it untouched", status)
				}
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// A plugin that is none is found when it is started. That is the listener's
// trouble: its deliveries wait, the other listeners are told.
func TestPluginThatIsNone(t *testing.T) {
	h := newHost(t, testdb.SQLite(t))
	script := "#!/bin/sh\necho not a plugin\n"
	if err := os.WriteFile(h.path("plugins/earshot-listener-script"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	h.events(`listeners:
  good: {plugin: ledger, config: {path: ` + h.path("good.jsonl") + `}}
  none: {plugin: script}
events:
  order.paid: [good, none]
`)
	id := h.insert("order.paid", "{}")
	r := h.run("run", "--once")
	if r.code != 0 || !strings.Contains(r.stderr, "none") || !strings.Contains(r.stderr, "not a plugin") {
		t.Errorf("run ended with %+v, want 0 and what the program printed", r)
	}
	if state := deliveries(h, id); state["good"] != "delivered" || state["none"] != "open" {
		t.Errorf("deliveries are %v, want good delivered and none open", state)
	}
	if n := h.count("SELECT attempts FROM event_deliveries WHERE listener = 'none'"); n != 0 {
		t.Errorf("%d attempts were burned", n)
	}
}

// Wrong arguments are told apart from everything else, and nothing is done.
func TestUsage(t *testing.T) {
	h := newHost(t, testdb.SQLite(t))
	h.ledgerRoute()
	h.write("bad.json", `{"n": `)
	tests := []struct {
		args string
		code int
		want string
	}{
		{"process_events many", 2, `"many" is not a number of events`},
		{"process_events 0", 2, "process_events 20"},
		{"run --onec", 2, "--onec"},
		{"rnu", 2, `did you mean "run"?`},
		{"queue lits", 2, `did you mean "list"?`},
		{"dispatch order.paid", 2, "--payload is missing"},
		{"dispatch order.paid --payload @bad.json", 2, "payload is not JSON"},
		{"dispatch order.paid --payload @nowhere.json", 2, "nowhere.json"},
		{"dispatch order.* --payload {}", 2, "is not an event name"},
		{"queue show x", 2, "is not an event's id"},
		{"queue show 99", 9, "99"},
		{"queue list --status done", 2, "pending"},
		{"queue list -o xml", 2, "table, json or jsonl"},
		{"migrate down", 2, "--yes"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			r := h.run(strings.Fields(tt.args)...)
			if r.code != tt.code || !strings.Contains(r.stderr, tt.want) || r.stdout != "" {
				t.Errorf("ended with %+v, want code %d and %q on stderr", r, tt.code, tt.want)
			}
		})
	}
	if n := h.count("SELECT COUNT(*) FROM event_queue"); n != 0 {
		t.Errorf("%d events were put in the queue", n)
	}
}
