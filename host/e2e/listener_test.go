package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/earshot-host/earshot/host/internal/testdb"
)

// What people do by hand before they trust a listener goes through its real
// plugin, and leaves the queue alone.
func TestListenersByHand(t *testing.T) {
	server := startMailpit(t)
	h := newHost(t, testdb.SQLite(t))
	h.events(`listeners:
  email:
    plugin: email
    config: ` + server.config(h) + `
  down:
    plugin: email
    config: {smtp: {host: 127.0.0.1, port: 1, tls: none}, from: agenda@example.com}
  refused:
    plugin: email
    config: {from: agenda@example.com}
  ledger: {plugin: ledger, config: {path: ` + h.path("ledger.jsonl") + `, bad: permanent, until: ` + h.path("mended") + `}}
events:
  appointment.saved: [email, ledger]
  order.*: [ledger]
  never: [down, refused]
`)
	tests := []struct {
		args   string
		code   int
		stdout []string
		stderr string
	}{
		{"listener list", 0, []string{"email", "ready", "appointment.saved, order.*"}, ""},
		{"listener list -o json", 0, []string{`/earshot-listener-email"`, `"state": "ready"`}, ""},
		{"listener describe ledger", 0, []string{"writes down each call", "ledger.jsonl", "order.*"}, ""},
		{"listener describe email", 0, []string{"check, configure", "<secret>"}, ""},
		{"listener describe email -o json", 0, []string{`"config_schema": {`, `"<secret>"`}, ""},
		{"listener check email", 0, []string{"could deliver now"}, ""},
		{"listener check ledger", 0, []string{"it has no check of its own"}, ""},
		{"listener check down", 6, []string{"no", "connect"}, "1 of 1 listeners could not deliver"},
		{"listener check", 6, []string{"email     yes", "refused   no", "smtp"}, "2 of 4 listeners could not deliver"},
		{"listener check nobody", 9, nil, `defines no listener "nobody"; it has: down, email, ledger, refused`},
		{"listener test email --to chef@example.com", 0, []string{"delivered"}, ""},
		{"listener test email --dry-run --event appointment.deleted", 0, []string{"delivered"}, ""},
		{"listener test email --dry-run --out preview", 0, []string{"delivered"}, ""},
		{"listener test email --out preview", 2, nil, "--out goes with --dry-run"},
		{"listener test ledger --dry-run --out preview", 6, nil, "dry_run_dir"},
		{"listener test ledger --event order.paid --payload {}", 1, []string{"rejected", "nobody of that name"}, "listener ledger did not deliver"},
		{"listener test ledger --event order.paid", 2, nil, "there is no sample of order.paid"},
		{"__complete listener check e", 0, []string{"email", "ledger"}, "ShellCompDirectiveNoFileComp"},
		{"plugin list", 0, []string{"email", "ledger", "log"}, ""},
		{"plugin describe log", 0, []string{"one line of JSON"}, ""},
		{"plugin describe plugins/earshot-listener-log -o json", 0, []string{`"name": "log"`}, ""},
		{"plugin checksum log", 0, []string{"earshot-listener-log"}, ""},
		{"plugin describe nowhere", 6, nil, "earshot-listener-nowhere"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			r := h.run(strings.Fields(tt.args)...)
			if r.code != tt.code || !strings.Contains(r.stderr, tt.stderr) || (tt.stderr == "") != (r.stderr == "") {
				t.Errorf("ended with %+v, want code %d and %q on stderr", r, tt.code, tt.stderr)
			}
			for _, want := range tt.stdout {
				if !strings.Contains(r.stdout, want) {
					t.Errorf("stdout lacks %q:\n%s", want, r.stdout)
				}
			}
			if strings.Contains(r.stdout+r.stderr, server.password) {
				t.Error("the password was printed")
			}
		})
	}
	// The staff of the configuration is told too: it is part of the listener.
	mails := server.mails()
	find(t, mails, "chef@example.com", "Seu horário está marcado: [TEST] Limpeza de pele")
	for _, m := range mails {
		if !strings.Contains(m.Subject, "[TEST]") {
			t.Errorf("a mail with the subject %q is not marked as a test", m.Subject)
		}
	}
	if len(mails) != 2 {
		t.Errorf("%d mails, want 2: the dry run sends none", len(mails))
	}
	if previews, err := filepath.Glob(h.path("preview/*")); err != nil || len(previews) == 0 {
		t.Errorf("the dry run wrote nothing to its folder (%v)", err)
	}
	if n := h.count("SELECT COUNT(*) FROM event_queue"); n != 0 {
		t.Errorf("%d events are in the queue", n)
	}
}

// A plugin author's check of a plugin passes for ours.
func TestPluginTest(t *testing.T) {
	h := newHost(t, testdb.SQLite(t))
	h.write("saved.json", payload(t, "appointment.saved"))
	h.write("log.json", `{"path": "events.jsonl"}`)
	for _, args := range [][]string{
		{"plugin", "test", "log", "--config-json", "@log.json"},
		{"plugin", "test", "email", "--config-json", `{"file": {"dir": "mail"}, "from": "agenda@example.com"}`, "--event", "appointment.saved", "--payload", "@saved.json"},
	} {
		if r := h.run(args...); r.code != 0 || !strings.Contains(r.stdout, "ends when its host is gone") {
			t.Errorf("%v ended with %d:\n%s%s", args, r.code, r.stdout, r.stderr)
		}
	}
	if r := h.run("plugin", "test", "log"); r.code != 6 {
		t.Errorf("a check without the config that the plugin needs ended with %d, want 6", r.code)
	}
}

// A listener that says it is broken is left alone by every host, with nothing
// counted against its deliveries, until it is resumed; so is one that is paused.
func TestHoldAndPause(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db testdb.DB) {
		h := newHost(t, db)
		h.events(`listeners:
  good: {plugin: ledger, config: {path: ` + h.path("good.jsonl") + `}}
  broken: {plugin: ledger, config: {path: ` + h.path("broken.jsonl") + `, bad: unavailable, until: ` + h.path("mended") + `}}
events:
  order.paid: [good, broken]
`)
		first := h.insert("order.paid", "{}")
		if r := h.run("process_events"); r.code != 0 || !strings.Contains(r.stderr, "password refused") {
			t.Errorf("the run that found the listener broken ended with %+v, want 0 and the reason on stderr", r)
		}
		if list := h.mustRun("listener", "list"); !strings.Contains(list, "held since") || !strings.Contains(list, "password refused") {
			t.Errorf("the hold and its reason are not listed:\n%s", list)
		}
		touch(t, h.path("mended"))
		second := h.insert("order.paid", "{}")
		h.mustRun("process_events")
		if n := len(entries(t, h.path("broken.jsonl"), "begin")); n != 1 {
			t.Errorf("the held listener was called %d times, want once", n)
		}
		h.mustRun("listener", "resume", "broken")
		h.mustRun("queue", "pause", "--listener", "good")
		third := h.insert("order.paid", "{}")
		h.mustRun("process_events")
		for _, e := range entries(t, h.path("broken.jsonl"), "done") {
			if e.Attempt != 1 {
				t.Errorf("event %d was delivered as attempt %d, want 1: the hold burned some", e.EventID, e.Attempt)
			}
		}
		for _, id := range []int64{first, second} {
			if status, reason := h.event(id); status != "processed" {
				t.Errorf("event %d is %s %q, want processed", id, status, reason)
			}
		}
		if state := deliveries(h, third); state["good"] != "open" || state["broken"] != "delivered" {
			t.Errorf("deliveries are %v, want good open since it is paused, and broken delivered", state)
		}
		if list := h.mustRun("listener", "list"); !strings.Contains(list, "paused since") {
			t.Errorf("the pause is not listed:\n%s", list)
		}
		if out := h.mustRun("listener", "resume", "good") + h.mustRun("listener", "resume", "good"); out != "good goes on\ngood was not held back\n" {
			t.Errorf("resume printed %q", out)
		}
		h.mustRun("process_events")
		if status, _ := h.event(third); status != "processed" {
			t.Errorf("the event of the pause is %s, want processed", status)
		}
	})
}
