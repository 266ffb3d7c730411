package main

import (
	"strings"
	"testing"

	"github.com/earshot-host/earshot/host/internal/testdb"
)

func TestQueueRefuses(t *testing.T) {
	seedQueue(t, testdb.SQLite(t))
	tests := []struct {
		args string
		code int
		want string
	}{
		{"queue list --status faild", exitUsage, `did you mean "failed"?`},
		{"queue list --state lost", exitUsage, "open, delivered, skipped, dead"},
		{"queue list --since yesterday", exitUsage, "2h or 7d"},
		{"queue list --id 9..3", exitUsage, "100..200"},
		{"queue list --match email", exitUsage, "customer.email=ana@example.com"},
		{"queue list --time never", exitUsage, "iso or relative"},
		{"queue list --lang xx", exitUsage, "en or pt-BR"},
		{"queue show x", exitUsage, "is not an event's id"},
		{"queue show 99", exitNotFound, "event 99"},
		{"queue stats --by colour", exitUsage, "event, error"},
		{"queue retry", exitUsage, "which events?"},
		{"queue retry 1 --failed", exitUsage, "not both"},
		{"queue retry --failed", exitUsage, "--yes"},
		{"queue retry --failed --in 1h --at 2h", exitUsage, "not both"},
		{"queue retry --failed --at 2h", exitUsage, "--in 2h"},
		{"queue retry --failed --at 2020-01-01", exitUsage, "has passed"},
		{"queue retry --listener email,log --yes", exitUsage, "one --listener"},
		{"queue retry 99", exitNotFound, "no event 99"},
		{"queue retry 2 99", exitPartly, "no event 99"},
		{"queue discard", exitUsage, "which events?"},
		{"queue prune", exitUsage, "--older-than"},
		{"queue prune --older-than soon", exitUsage, "12h or 90d"},
		{"queue prune --older-than 1d --status pending", exitUsage, "processed, failed"},
		{"queue prune --older-than 1d --status failed --scrub", exitUsage, "still need their payload"},
		{"queue pause", exitUsage, "--listener"},
		{"queue pause --event a*b", exitUsage, "is not the name of an event"},
		{"queue pause --listener emial", exitNotFound, `did you mean "email"?`},
	}
	for _, tt := range tests {
		_, err := answer(t, strings.Fields(tt.args)...)
		if err == nil {
			t.Errorf("earshot %s: no error", tt.args)
			continue
		}
		if code := codeOf(err); code != tt.code || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("earshot %s: exit %d, %q, want %d with %q", tt.args, code, err, tt.code, tt.want)
		}
	}
}

func TestRetryAsksAPerson(t *testing.T) {
	for _, tt := range []struct {
		answer string
		want   string
	}{{"n\n", "nothing was done"}, {"\n", "nothing was done"}, {"y\n", ""}, {"sim\n", ""}} {
		seedQueue(t, testdb.SQLite(t))
		var out, errs strings.Builder
		cmd := newRoot(t.Context())
		cmd.SetOut(&out)
		cmd.SetErr(&errs)
		cmd.SetIn(strings.NewReader(tt.answer))
		cmd.SetArgs([]string{"queue", "retry", "--failed"})
		err := cmd.Execute()
		if tt.want == "" && (err != nil || !strings.Contains(out.String(), "2 of 2")) {
			t.Errorf("answer %q: %v, %q, want both sent again", tt.answer, err, out.String())
		}
		if tt.want != "" && (err == nil || err.Error() != tt.want) {
			t.Errorf("answer %q: %v, want %q", tt.answer, err, tt.want)
		}
		if !strings.Contains(errs.String(), "2 events match") || !strings.Contains(errs.String(), "no such mailbox") {
			t.Errorf("asked with %q, want the count and a sample", errs.String())
		}
	}
}

func TestPayloadIsMasked(t *testing.T) {
	tests := []struct{ payload, want string }{
		{`{"email":"ana@example.com","at":"2026-05-04 09:30:00","n":7,"ok":true}`, `{"at":"2026-05-04 09:30:00","email":"•••","n":7,"ok":true}`},
		{`{"phone":5519955500142,"cpf":"11144477735","list":["Ana",null]}`, `{"cpf":"•••","list":["•••",null],"phone":"•••"}`},
		{`{"a":"2026-05-04T09:30:00Z","b":"09:30","c":"42","d":""}`, `{"a":"2026-05-04T09:30:00Z","b":"09:30","c":"42","d":""}`},
		{`not json`, `"•••"`},
		{``, `"•••"`},
	}
	for _, tt := range tests {
		if got := string(showPayload([]byte(tt.payload), false)); got != tt.want {
			t.Errorf("mask %s = %s, want %s", tt.payload, got, tt.want)
		}
		if got := string(showPayload([]byte(tt.payload), true)); got == tt.want && strings.Contains(tt.want, "•") {
			t.Errorf("revealed %s = %s, want it as it is", tt.payload, got)
		}
	}
}
