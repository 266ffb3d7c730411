package e2e

import (
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
		{"listener list", 0, []string{"email", "earshot-listener-email", "appointment.saved, order.*"}, ""},
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
		{"listener test ledger --event order.paid --payload {}", 1, []string{"rejected", "nobody of that name"}, "listener ledger did not deliver"},
		{"listener test ledger --event order.paid", 2, nil, "there is no sample of order.paid"},
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
