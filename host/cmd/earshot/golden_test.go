package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/queue"
	"github.com/earshot-host/earshot/host/internal/testdb"
)

var update = flag.Bool("update", false, "write what is printed into testdata")

// TestGolden holds what commands print, in every form, to the files of
// testdata/golden: the same on every database. Programs read it.
func TestGolden(t *testing.T) {
	tests := []struct{ name, args string }{
		{"list", "queue list"},
		{"list-failed", "queue list --status failed"},
		{"list-listener", "queue list --listener email --state dead,open"},
		{"list-match", "queue list --match customer.email=ana@example.com --event appointment.*"},
		{"show", "queue show 2"},
		{"show-revealed", "queue show 3 --reveal"},
		{"stats", "queue stats"},
		{"stats-by-error", "queue stats --by error"},
		{"stats-by-event", "queue stats --by event"},
		{"export", "queue export --id 2..3"},
		{"retry-dry-run", "queue retry --failed --dry-run"},
		{"retry-id", "queue retry 2"},
		{"retry-failed", "queue retry --failed --limit 10 --yes"},
		{"discard", "queue discard --listener email --reason too_late --yes"},
		{"pause", "queue pause --listener email,log"},
		{"pause-event", "queue pause --event appointment.*"},
		{"resume", "queue resume --listener email"},
		{"prune", "queue prune --older-than 1d --yes"},
		{"scrub", "queue prune --older-than 1d --scrub --yes"},
		{"dispatch", "dispatch order.paid --payload {}"},
	}
	dir, err := filepath.Abs("testdata/golden")
	if err != nil {
		t.Fatal(err)
	}
	testdb.Each(t, func(t *testing.T, db testdb.DB) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				forms := []string{"table", "json", "jsonl"}
				if strings.HasPrefix(tt.name, "export") {
					forms = forms[:1]
				}
				for _, form := range forms {
					if db.Driver == "mysql" {
						db = testdb.MySQL(t)
					} else {
						db = testdb.SQLite(t)
					}
					seedQueue(t, db)
					golden(t, filepath.Join(dir, tt.name+"."+form), ask(t, append(strings.Fields(tt.args), "-o", form)...))
				}
				if tt.name == "show" || tt.name == "list" || tt.name == "stats" {
					golden(t, filepath.Join(dir, tt.name+".pt-BR"), ask(t, append(strings.Fields(tt.args), "--lang", "pt-BR")...))
				}
			})
		}
	})
}

// volatile is what no two runs have in common.
var volatile = regexp.MustCompile(`("oldest_due_age_seconds": ?|"database_time": ?"|"age_seconds": ?|oldest due +|mais antigo pronto +)[^",\n}]*`)

func golden(t *testing.T, path, got string) {
	t.Helper()
	got = volatile.ReplaceAllString(got, "${1}*")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run the test with -update, and read what it wrote", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update writes it):\n%s", filepath.Base(path), diff)
	}
}

// ask runs a command that must succeed, and returns what it prints on stdout.
func ask(t *testing.T, args ...string) string {
	t.Helper()
	out, err := answer(t, args...)
	if err != nil {
		t.Fatalf("earshot %s: %v", strings.Join(args, " "), err)
	}
	return out
}

func answer(t *testing.T, args ...string) (string, error) {
	t.Helper()
	t.Setenv("LC_ALL", "C")
	var out, errs bytes.Buffer
	cmd := newRoot(t.Context())
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	cmd.SetIn(strings.NewReader(""))
	cmd.SetArgs(args)
	err := cmd.Execute()
	return out.String(), err
}

// seedQueue fills the queue of this folder's host.yaml: 1 delivered, 2 dead for
// email, 3 known to nobody, 4 waiting for its next try, 5 pending. Every time is
// the same.
func seedQueue(t *testing.T, db testdb.DB) {
	t.Helper()
	t.Chdir(t.TempDir())
	if db.Driver == "mysql" {
		db.DSN += "?time_zone=%27%2B00%3A00%27"
	}
	config := fmt.Sprintf("database: {driver: %s, dsn: %q}\ninstance: mail-1\n", db.Driver, db.DSN)
	if err := os.WriteFile("host.yaml", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ask(t, "migrate", "up")
	s, err := queue.Open(t.Context(), queue.Options{Driver: db.Driver, DSN: db.DSN, Host: "mail-1"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i, name := range []string{"appointment.saved", "appointment.saved", "order.paid", "appointment.deleted"} {
		email := []string{"ana@example.com", "bruno@example.com"}[i%2]
		if _, err := s.Enqueue(t.Context(), name, []byte(`{"customer":{"email":"`+email+`","phone":"+5519955500142"},"start":"2026-05-04 09:30:00","n":7}`), 0); err != nil {
			t.Fatal(err)
		}
	}
	settleAll(t, s)
	if _, err := s.Enqueue(t.Context(), "appointment.updated", []byte(`{}`), 0); err != nil {
		t.Fatal(err)
	}
	app := db.Open(t)
	for _, stmt := range []string{
		"UPDATE event_queue SET create_datetime = '2026-05-01 09:00:00', update_datetime = '2026-05-01 09:00:05'",
		"UPDATE event_queue SET processed_at = '2026-05-01 09:00:05' WHERE processed_at IS NOT NULL",
		"UPDATE event_deliveries SET created_at = '2026-05-01 09:00:01'",
		"UPDATE event_deliveries SET finished_at = '2026-05-01 09:00:05' WHERE finished_at IS NOT NULL",
		"UPDATE event_deliveries SET due_at = '2036-05-01 09:00:35' WHERE due_at IS NOT NULL",
		"UPDATE event_attempts SET finished_at = '2026-05-01 09:00:05'",
	} {
		if _, err := app.ExecContext(t.Context(), stmt); err != nil {
			t.Fatal(err)
		}
	}
}

func settleAll(t *testing.T, s *queue.Store) {
	t.Helper()
	claim, err := s.Claim(t.Context(), 10, false, func(events []event.Event) []event.Plan {
		plans := make([]event.Plan, len(events))
		for i, ev := range events {
			if ev.Name == "order.paid" {
				plans[i].Refused = `no listener is registered for "order.paid"`
				continue
			}
			plans[i].Targets = []event.Target{{Listener: "email", Lease: true}, {Listener: "log", Lease: true}}
		}
		return plans
	})
	if err != nil {
		t.Fatal(err)
	}
	var group []event.Settled
	for _, d := range claim.Deliveries {
		o := event.Outcome{Code: event.Delivered}
		switch {
		case d.Event.ID == 1 && d.Listener == "email":
			o.ExternalID, o.Receipts = "<ev1.email@example.com>", []event.Receipt{{Key: "customer"}, {Key: "provider"}}
		case d.Event.ID == 2 && d.Listener == "email":
			o = event.Outcome{Code: event.Rejected, Reason: "550 no such mailbox"}
		case d.Event.ID == 4 && d.Listener == "email":
			o = event.Outcome{Code: event.Retry, Reason: "451 greylisted"}
		}
		group = append(group, event.Settled{Delivery: d, Outcome: o, Settlement: event.Settle(d, o, event.DefaultPolicy(), 0.5)})
	}
	if _, err := s.Record(t.Context(), group); err != nil {
		t.Fatal(err)
	}
}
