package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"

	"github.com/earshot-host/earshot/sdk"
)

// smtpBlock is a configuration with more keys inside of smtp.
func smtpBlock(m *mailServer, more string) string {
	return strings.Replace(serverBlock(m, ""), `"tls":"none"`, `"tls":"none",`+more, 1)
}

// eventOf is one of many events; each has two recipients.
func eventOf(t *testing.T, n int) *sdk.Event {
	t.Helper()
	ev := event(readFile(t, "appointment.saved.json"))
	ev.ID, ev.IdempotencyKey = int64(n), fmt.Sprintf("%d-email", n)
	return ev
}

func TestConnectionsOutliveEvents(t *testing.T) {
	tests := []struct {
		name, keys string
		together   int
		// At most so many connections in all, and at once as the server sees
		// it, which learns of a goodbye a little late.
		sessions, peak int
	}{
		{"one after the other", `"max_connections":3`, 1, 1, 1},
		{"together", `"max_connections":3`, 8, 3, 3},
		{"by default two", `"timeout":"30s"`, 8, 2, 2},
		{"four mails each", `"max_connections":1,"max_per_connection":4`, 1, 5, 2},
		{"three mails each, two per event", `"max_connections":1,"max_per_connection":3`, 1, 7, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := startServer(t, &mailServer{}, nil, false)
			l := configured(t, smtpBlock(m, tt.keys))
			events := make(chan int)
			var wg sync.WaitGroup
			for range tt.together {
				wg.Go(func() {
					for n := range events {
						if err := l.Handle(t.Context(), eventOf(t, n)); err != nil {
							t.Error(err)
						}
					}
				})
			}
			for n := range 10 {
				events <- n
			}
			close(events)
			wg.Wait()
			m.mu.Lock()
			defer m.mu.Unlock()
			if len(m.mails) != 20 {
				t.Errorf("%d mails arrived, want 20", len(m.mails))
			}
			if tt.together == 1 && m.sessions != tt.sessions || m.sessions > tt.sessions || m.peak > tt.peak {
				t.Errorf("%d connections, %d at once; want %d, and %d at once", m.sessions, m.peak, tt.sessions, tt.peak)
			}
		})
	}
}

func TestIdleConnectionIsClosed(t *testing.T) {
	m := startServer(t, &mailServer{}, nil, false)
	l := configured(t, smtpBlock(m, `"idle_timeout":"1ms"`))
	for n := range 2 {
		if err := l.Handle(t.Context(), eventOf(t, n)); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the server to see the connection end", func() bool {
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.open == 0
		})
	}
	if m.sessions != 2 {
		t.Errorf("%d connections, want one for each event", m.sessions)
	}
}

// A server may hang up on a connection that waits; the next event must not
// suffer for it.
func TestConnectionThatDiedWaiting(t *testing.T) {
	m := startServer(t, &mailServer{}, nil, false)
	l := configured(t, smtpBlock(m, `"idle_timeout":"1h"`))
	if err := l.Handle(t.Context(), eventOf(t, 1)); err != nil {
		t.Fatal(err)
	}
	l.mail.(*smtpTransport).waiting[0].raw.Close()
	if err := l.Handle(t.Context(), eventOf(t, 2)); err != nil {
		t.Errorf("Handle = %v, want the mails taken over a new connection", err)
	}
}

func TestCloseEndsWaitingConnections(t *testing.T) {
	m := startServer(t, &mailServer{}, nil, false)
	l := configured(t, smtpBlock(m, `"idle_timeout":"1h"`))
	if err := l.Handle(t.Context(), eventOf(t, 1)); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the server to see the connection end", func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.open == 0
	})
}

// A password that is wrong for a while spoils no mail: the listener is held,
// and all is sent once the password is right.
func TestWrongPasswordHoldsTheListener(t *testing.T) {
	m := startServer(t, &mailServer{user: "agenda", password: "old"}, nil, false)
	l := configured(t, smtpBlock(m, `"username":"agenda","password":"new","allow_plaintext_auth":true`))
	var events []*sdk.Event
	for n := range 20 {
		ev := eventOf(t, n)
		events = append(events, ev)
		if err := l.Handle(t.Context(), ev); outcomeOf(err) != "unavailable" {
			t.Fatalf("Handle = %v, want it unavailable", err)
		}
	}
	if err := l.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "535") {
		t.Errorf("Check = %v, want the server's 535", err)
	}
	m.mu.Lock()
	m.password = "new"
	m.mu.Unlock()
	for _, ev := range events {
		if err := l.Handle(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(m.received()); n != 40 {
		t.Errorf("%d mails arrived, want 40", n)
	}
}

// outcomeOf names what a listener's answer is.
func outcomeOf(err error) string {
	for name, like := range map[string]error{
		"unavailable": sdk.Unavailable(os.ErrClosed, 0), "permanent": sdk.Permanent(os.ErrClosed),
		"after": sdk.RetryAfter(os.ErrClosed, 0), "skipped": sdk.Skip(""),
	} {
		if fmt.Sprintf("%T", err) == fmt.Sprintf("%T", like) {
			return name
		}
	}
	if err == nil {
		return "delivered"
	}
	return "retry"
}

// One mail that is refused by policy is that mail's fault; many in a row are ours.
func TestRefusalsInARowHoldTheListener(t *testing.T) {
	spam := &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "message refused"}
	m := startServer(t, &mailServer{answer: func(string) error { return spam }}, nil, false)
	l := configured(t, serverBlock(m, `,"audiences":{"provider":false}`))
	var got []string
	for n := range 7 {
		if n == 3 { // one that is taken starts the count anew
			m.mu.Lock()
			m.answer = nil
			m.mu.Unlock()
			if err := l.Handle(t.Context(), eventOf(t, 100)); err != nil {
				t.Fatal(err)
			}
			m.mu.Lock()
			m.answer = func(string) error { return spam }
			m.mu.Unlock()
		}
		got = append(got, outcomeOf(l.Handle(t.Context(), eventOf(t, n))))
	}
	got = append(got, outcomeOf(l.Handle(t.Context(), eventOf(t, 8))))
	want := strings.Repeat("permanent ", 7) + "unavailable"
	if strings.Join(got, " ") != want {
		t.Errorf("the answers are %v, want %s", got, want)
	}
}

func TestTokenLogin(t *testing.T) {
	tlsConfig, ca := authority(t)
	m := startServer(t, &mailServer{user: "agenda@example.com", token: "ya29.EXAMPLE"}, tlsConfig, false)
	file := filepath.Join(t.TempDir(), "token")
	write := func(token string) {
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	block := fmt.Sprintf(`{"smtp":{"host":%q,"port":%s,"auth":"xoauth2","username":"agenda@example.com","token_file":%q,"tls_ca":%q},"from":"agenda@example.com"}`, m.host, m.port, file, ca)
	tests := []struct{ name, token, says string }{
		{"no file", "", "smtp.token_file cannot be used"},
		{"expired", "ya29.OLD\n", "535"},
		{"empty", "\n", "must hold the access token"},
		{"JSON", `{"access_token": "x"}`, "must hold the access token"},
		{"right", "ya29.EXAMPLE\n", ""}, // the file is read at each login: no restart
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.token != "" {
				write(tt.token)
			}
			f := sendOne(t, t.Context(), block)
			if tt.says == "" {
				if f != nil {
					t.Fatal(f)
				}
				return
			}
			if f == nil || f.class != unavailable || !strings.Contains(f.what, tt.says) || strings.Contains(f.what, "ya29") {
				t.Errorf("failure %+v, want unavailable with %q and no token", f, tt.says)
			}
		})
	}
}

// SMTPUTF8 is asked for only where an address needs it.
func TestAddressBeyondASCII(t *testing.T) {
	payload := func(address string) []byte {
		return []byte(strings.ReplaceAll(string(readFile(t, "appointment.saved.json")), "joao.davila@correio.example", address))
	}
	tests := []struct {
		name, address string
		offered       bool
		outcome, to   string
	}{
		{"plain", "joao@correio.example", true, "delivered", "joao@correio.example"},
		{"domain", "joao@são.example", false, "delivered", "joao@xn--so-joa.example"},
		{"local part", "joão@correio.example", true, "delivered", "joão@correio.example"},
		{"local part that the server does not take", "joão@correio.example", false, "permanent", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := startServer(t, &mailServer{utf8: tt.offered}, nil, false)
			l := configured(t, serverBlock(m, `,"audiences":{"provider":false}`))
			err := l.Handle(t.Context(), event(payload(tt.address)))
			if got := outcomeOf(err); got != tt.outcome {
				t.Fatalf("Handle = %v (%s), want %s", err, got, tt.outcome)
			}
			if tt.to == "" {
				return
			}
			got := m.received()[0]
			if got.utf8 != !isASCII(tt.to) {
				t.Errorf("mail to %s asked for SMTPUTF8: %t", got.to, got.utf8)
			}
			if tt.name != "domain" && got.to != tt.to || !strings.HasPrefix(got.to, "jo") || !isASCII(domainOf(got.to)) {
				t.Errorf("mail went to %s, want %s", got.to, tt.to)
			}
		})
	}
}

func TestRules(t *testing.T) {
	rules := func(s string) string { return `,"classify":[` + s + `]` }
	tests := []struct{ name, rules, reply, want string }{
		{"built in", "", "550 5.7.1 no", "permanent"},
		{"by code", `{"match":{"code":550},"as":"retry"}`, "550 5.7.1 no", "retry"},
		{"by another code", `{"match":{"code":551},"as":"retry"}`, "550 5.7.1 no", "permanent"},
		{"by enhanced code", `{"match":{"enhanced":"5.7.1"},"as":"retry","after":"2h"}`, "550 5.7.1 no", "after"},
		{"by another enhanced code", `{"match":{"enhanced":"5.7.9"},"as":"retry"}`, "550 5.7.1 no", "permanent"},
		{"by text in any case", `{"match":{"text":"Cota"},"as":"unavailable"}`, "550 5.1.1 COTA excedida", "unavailable"},
		{"all must match", `{"match":{"code":550,"text":"cota"},"as":"retry"}`, "550 5.7.1 no", "permanent"},
		{"the first that matches", `{"match":{"code":451},"as":"permanent"},{"match":{"code":451},"as":"retry"}`, "451 4.7.1 no", "permanent"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			host, port := scriptedServer(t, map[string]string{"RCPT": tt.reply})
			block := strings.Replace(plainBlock(host, port), `"app_url"`, rules(tt.rules)[1:]+`,"app_url"`, 1)
			if got := outcomeOf(configured(t, block).Handle(t.Context(), eventOf(t, 1))); got != tt.want {
				t.Errorf("the answer is %s, want %s", got, tt.want)
			}
		})
	}
}

// A listener whose configuration was only checked has nothing to close.
func TestCloseBeforeConfigure(t *testing.T) {
	if err := new(Listener).Close(); err != nil {
		t.Error(err)
	}
	if err := new(Listener).Configure(t.Context(), sdk.Config{JSON: json.RawMessage(fileBlock)}); err != nil {
		t.Error(err)
	}
}
