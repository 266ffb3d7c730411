package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/earshot-host/earshot/sdk"
	"github.com/emersion/go-smtp"
)

func serverBlock(m *mailServer, more string) string {
	return fmt.Sprintf(`{"smtp":{"host":%q,"port":%s,"tls":"none"},"from":"Studio <agenda@example.com>","app_url":"https://agenda.example.com"%s}`,
		m.host, m.port, more)
}

func TestHandleTellsEverybodyOnce(t *testing.T) {
	m := startServer(t, &mailServer{}, nil, false)
	l := configured(t, serverBlock(m, `,"audiences":{"staff":[{"email":"desk@example.com"},{"email":"desk@example.com"},{"email":"nails@example.com","services":[99]}]}`))
	ev := event(readFile(t, "appointment.saved.json"))
	for range 2 { // the second time everybody has a receipt
		if err := l.Handle(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	ids := map[string]bool{}
	for _, r := range m.received() {
		got = append(got, r.to)
		msg, err := mail.ReadMessage(bytes.NewReader(r.data))
		if err != nil {
			t.Fatal(err)
		}
		ids[msg.Header.Get("Message-ID")] = true
	}
	want := "joao.davila@correio.example marcia.lima@studio-aurora.example desk@example.com"
	if strings.Join(got, " ") != want {
		t.Errorf("mails went to %s, want %s", got, want)
	}
	if len(ids) != 3 {
		t.Errorf("%d different Message-IDs for 3 mails", len(ids))
	}
	if m.sessions != 1 {
		t.Errorf("%d connections for one event, want 1", m.sessions)
	}
}

// One bad mailbox stops nobody else's mail, and only it is tried again.
func TestHandleOneRecipientFails(t *testing.T) {
	tests := []struct {
		name      string
		refusal   *smtp.SMTPError
		permanent bool
	}{
		{"for now", &smtp.SMTPError{Code: 450, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted <joao.davila@correio.example>"}, false},
		{"for good", &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "joao.davila unknown"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			refuse := func(to string) error {
				if strings.HasPrefix(to, "joao") {
					return tt.refusal
				}
				return nil
			}
			m := startServer(t, &mailServer{answer: refuse}, nil, false)
			l := configured(t, serverBlock(m, ""))
			ev := event(readFile(t, "appointment.saved.json"))
			err := l.Handle(t.Context(), ev)
			if err == nil || sdk.IsPermanent(err) != tt.permanent {
				t.Fatalf("Handle = %v, want a permanent error: %t", err, tt.permanent)
			}
			if !strings.Contains(err.Error(), "customer: recipient refused: "+fmt.Sprint(tt.refusal.Code)) {
				t.Errorf("error %q does not name the audience and the reply", err)
			}
			if strings.Contains(err.Error(), "joao") || strings.Contains(err.Error(), "provider") {
				t.Errorf("error %q names a person, or somebody who was told", err)
			}
			m.mu.Lock()
			m.answer = nil
			m.mu.Unlock()
			if err := l.Handle(t.Context(), ev); err != nil {
				t.Fatal(err)
			}
			mails := m.received()
			if len(mails) != 2 || !strings.HasPrefix(mails[0].to, "marcia") || !strings.HasPrefix(mails[1].to, "joao") {
				t.Errorf("%d mails, want the provider's and then the customer's", len(mails))
			}
		})
	}
}

func TestVerdict(t *testing.T) {
	fail := func(c class, after time.Duration) *failure { return &failure{class: c, after: after, what: "x"} }
	plain := errors.New("x")
	tests := []struct {
		name     string
		failures []*failure
		want     error
	}{
		{"none", nil, nil},
		{"permanent", []*failure{fail(permanent, 0)}, sdk.Permanent(plain)},
		{"retry", []*failure{fail(retry, 0)}, plain},
		{"permanent and retry", []*failure{fail(permanent, 0), fail(retry, time.Hour)}, sdk.RetryAfter(plain, 0)},
		{"retry and permanent", []*failure{fail(retry, time.Hour), fail(permanent, 0)}, sdk.RetryAfter(plain, 0)},
		{"unavailable before all", []*failure{fail(unavailable, 0), fail(retry, 0), fail(permanent, 0)}, sdk.Unavailable(plain, 0)},
		{"unavailable after all", []*failure{fail(retry, 0), fail(unavailable, 0)}, sdk.Unavailable(plain, 0)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := verdict(map[string][]*failure{toCustomer: tt.failures})
			if fmt.Sprintf("%T", got) != fmt.Sprintf("%T", tt.want) {
				t.Errorf("verdict = %T (%v), want %T", got, got, tt.want)
			}
		})
	}
}

func TestVerdictWaitsForTheShortestDelay(t *testing.T) {
	got := verdict(map[string][]*failure{
		toCustomer: {{class: retry, after: time.Hour}},
		toProvider: {{class: retry}},
		toStaff:    {{class: retry, after: 5 * time.Minute}},
	})
	want := sdk.RetryAfter(errors.New("customer: ; provider: ; staff: "), 5*time.Minute)
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) || !strings.Contains(fmt.Sprintf("%#v", got), fmt.Sprintf("%d", 5*time.Minute)) {
		t.Errorf("verdict = %#v, want %#v", got, want)
	}
}

func TestHandleBadInput(t *testing.T) {
	saved := string(readFile(t, "appointment.saved.json"))
	tests := []struct{ name, payload, says string }{
		{"cut", saved[:2000], "decode payload"},
		{"null", "null", "decode payload"},
		{"list", "[]", "decode payload"},
		{"number", "0", "decode payload"},
		{"encoded twice", `"{}"`, "decode payload"},
		{"not an appointment", `{"event":"invoice.paid"}`, "there is no mail for"},
		{"no start", `{}`, "start_datetime: is missing"},
		{"start is zero", strings.Replace(saved, "2026-01-27 14:15:00", "0000-00-00 00:00:00", 1), "start_datetime: not a time"},
		{"end is nonsense", strings.Replace(saved, "2026-01-27 15:00:00", "later", 1), "end_datetime: not a time"},
		{"bad addresses", strings.NewReplacer("joao.davila@correio.example", "joao at home", "marcia.lima@studio-aurora.example", "a@b@c").Replace(saved), "customer: the address is not one"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := configured(t, fileBlock)
			err := l.Handle(t.Context(), event([]byte(tt.payload)))
			if !sdk.IsPermanent(err) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Handle = %v, want a permanent error with %q", err, tt.says)
			}
		})
	}
}

func TestHandleSkipsWhenNobodyIsLeft(t *testing.T) {
	saved := string(readFile(t, "appointment.saved.json"))
	l := configured(t, fileBlock)
	skip := fmt.Sprintf("%T", sdk.Skip(""))
	none := strings.NewReplacer(`"joao.davila@correio.example"`, "null", `"marcia.lima@studio-aurora.example"`, `" "`).Replace(saved)
	if err := l.Handle(t.Context(), event([]byte(none))); fmt.Sprintf("%T", err) != skip {
		t.Errorf("Handle = %v, want it skipped", err)
	}
	l = configured(t, strings.Replace(fileBlock, "{", `{"audiences":{"customer":false,"provider":false},`, 1))
	if err := l.Handle(t.Context(), event([]byte(saved))); fmt.Sprintf("%T", err) != skip {
		t.Errorf("Handle = %v, want it skipped", err)
	}
}

func TestDryRunSendsNothing(t *testing.T) {
	m := startServer(t, &mailServer{}, nil, false)
	l := configured(t, serverBlock(m, ""))
	ev := event(readFile(t, "appointment.saved.json"))
	ev.DryRun = true
	if err := l.Handle(t.Context(), ev); err != nil {
		t.Fatal(err)
	}
	if n := len(m.received()); n != 0 || m.sessions != 0 {
		t.Errorf("a dry run connected %d times and sent %d mails", m.sessions, n)
	}
	if ev.Done(recipientKey(ev.IdempotencyKey, toCustomer, "joao.davila@correio.example")) {
		t.Error("a dry run left a receipt")
	}
}
