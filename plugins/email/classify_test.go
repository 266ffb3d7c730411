package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// Each row plays a server over a real connection and asks what can be done.
func TestClassify(t *testing.T) {
	tests := []struct {
		name   string
		script map[string]string
		class  class // 0: the mail was taken
		after  time.Duration
		says   string
	}{
		{"taken", nil, 0, 0, ""},
		{"taken, then RSET fails", map[string]string{"RSET": "hang up"}, 0, 0, ""},
		{"taken, then RSET is refused", map[string]string{"RSET": "502 no"}, 0, 0, ""},

		{"greeting 421", map[string]string{"greeting": "421 4.3.2 busy"}, unavailable, time.Minute, "log in to the mail server: 421"},
		{"greeting 554", map[string]string{"greeting": "554 5.7.1 not you"}, unavailable, 0, "554"},
		{"greeting never comes", map[string]string{"greeting": "hang up"}, unavailable, time.Minute, "connect to the mail server"},
		{"EHLO and HELO refused", map[string]string{"EHLO": "500 what", "HELO": "500 what"}, unavailable, 0, "500"},
		{"login 535", map[string]string{"AUTH": "535 5.7.8 wrong"}, unavailable, 0, "535"},
		{"login 534", map[string]string{"AUTH": "534 5.7.9 application password needed"}, unavailable, 0, "534"},
		{"login 454", map[string]string{"AUTH": "454 4.7.0 later"}, unavailable, 5 * time.Minute, "454"},
		{"no login offered", map[string]string{"EHLO": "250 mail.example.com"}, unavailable, 0, "no way to log in"},

		{"sender 530", map[string]string{"MAIL": "530 5.7.0 log in first"}, unavailable, 0, "sender refused: 530"},
		{"sender 538", map[string]string{"MAIL": "538 5.7.11 encrypt"}, unavailable, 0, "538"},
		{"sender 553", map[string]string{"MAIL": "553 5.7.1 not your address"}, unavailable, 0, "sender refused: 553"},
		{"sender 451", map[string]string{"MAIL": "451 4.3.0 trouble"}, retry, 5 * time.Minute, "451"},

		{"recipient 421", map[string]string{"RCPT": "421 4.7.0 closing"}, unavailable, time.Minute, "421"},
		{"recipient 450 greylisted", map[string]string{"RCPT": "450 4.7.1 greylisted"}, retry, 5 * time.Minute, "recipient refused: 450"},
		{"recipient 451 greylisted", map[string]string{"RCPT": "451 4.7.1 greylisted"}, retry, 5 * time.Minute, "451"},
		{"recipient 452 full", map[string]string{"RCPT": "452 4.2.2 full"}, retry, 30 * time.Minute, "452"},
		{"recipient 4yz", map[string]string{"RCPT": "431 what"}, retry, 0, "431"},
		{"recipient 500", map[string]string{"RCPT": "500 5.5.1 what"}, permanent, 0, "500"},
		{"recipient 504", map[string]string{"RCPT": "504 5.5.4 what"}, permanent, 0, "504"},
		{"recipient 521", map[string]string{"RCPT": "521 5.3.2 no mail here"}, permanent, 0, "521"},
		{"recipient 550", map[string]string{"RCPT": "550 5.1.1 no such user"}, permanent, 0, "550 5.1.1"},
		{"recipient 550 without code", map[string]string{"RCPT": "550 no such user"}, permanent, 0, "550 no such user"},
		{"recipient 550 user named rate", map[string]string{"RCPT": "550 5.1.1 rate is no user"}, permanent, 0, "550 5.1.1"},
		{"recipient 550 separate", map[string]string{"RCPT": "550 5.7.1 keep separate"}, permanent, 0, "550"},
		{"recipient 551", map[string]string{"RCPT": "551 5.1.6 moved"}, permanent, 0, "551"},
		{"recipient 553", map[string]string{"RCPT": "553 5.1.3 bad address"}, permanent, 0, "553"},
		{"recipient 555", map[string]string{"RCPT": "555 5.5.4 option"}, permanent, 0, "555"},
		{"recipient 556", map[string]string{"RCPT": "556 5.1.10 null MX"}, permanent, 0, "556"},
		{"daily limit as 550", map[string]string{"RCPT": "550 5.4.5 Daily sending limit exceeded"}, unavailable, 30 * time.Minute, "550"},
		{"rate as 554", map[string]string{"RCPT": "554 5.7.1 sending rate exceeded"}, unavailable, 30 * time.Minute, "554"},
		{"quota as 552", map[string]string{"RCPT": "552 5.2.2 over quota"}, retry, time.Hour, "552"},
		{"too many recipients as 552", map[string]string{"RCPT": "552 too many recipients"}, retry, time.Hour, "552"},

		{"throttled as 450", map[string]string{"RCPT": "450 4.7.28 too many messages, slow down"}, unavailable, 5 * time.Minute, "450"},
		{"throttled as 454", map[string]string{"RCPT": "454 Throttling failure: maximum sending rate exceeded"}, unavailable, 5 * time.Minute, "454"},
		{"mailbox full as 452", map[string]string{"RCPT": "452 4.2.2 mailbox over quota"}, retry, 30 * time.Minute, "452"},
		{"mailbox full as 552", map[string]string{"RCPT": "552 5.2.2 mailbox over quota"}, retry, time.Hour, "552"},
		{"mailbox disabled", map[string]string{"RCPT": "550 5.2.1 disabled, over its limit"}, permanent, 0, "550"},
		{"traffic of Microsoft 365", map[string]string{"RCPT": "550 5.7.708 access denied"}, unavailable, 30 * time.Minute, "550"},
		{"permanent that asks for later", map[string]string{"RCPT": "554 5.7.0 please try again later"}, retry, 30 * time.Minute, "554"},
		{"relaying denied", map[string]string{"RCPT": "554 5.7.1 relaying denied"}, permanent, 0, "554"},
		{"sender 421", map[string]string{"MAIL": "421 4.7.0 busy"}, unavailable, time.Minute, "421"},

		{"DATA 554", map[string]string{"DATA": "554 5.5.1 no"}, permanent, 0, "mail refused: 554"},
		{"end of mail 554", map[string]string{".": "554 5.7.1 spam"}, permanent, 0, "mail refused: 554"},
		{"end of mail 452", map[string]string{".": "452 4.3.1 disk full"}, retry, 30 * time.Minute, "452"},
		{"too big", map[string]string{".": "552 5.3.4 size limit"}, permanent, 0, "552"},
		{"cut after the final dot", map[string]string{".": "hang up"}, retry, 0, "which it may have taken: EOF"},
		{"cut at RCPT", map[string]string{"RCPT": "hang up"}, retry, 0, "recipient refused: EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			host, port := scriptedServer(t, tt.script)
			f := sendOne(t, t.Context(), plainBlock(host, port))
			switch {
			case tt.class == 0 && f != nil:
				t.Fatalf("the mail was taken, but the sender says %q", f.what)
			case tt.class == 0:
			case f == nil:
				t.Fatal("the mail was not taken, but the sender says nothing")
			case f.class != tt.class || f.after != tt.after:
				t.Errorf("class %d after %s, want class %d after %s (%s)", f.class, f.after, tt.class, tt.after, f.what)
			case !strings.Contains(f.what, tt.says):
				t.Errorf("failure %q does not say %q", f.what, tt.says)
			}
		})
	}
}

// plainBlock is a configuration for a server in clear.
func plainBlock(host, port string) string {
	return fmt.Sprintf(`{"smtp":{"host":%q,"port":%s,"tls":"none","username":"agenda","password":"p4ssw0rd","allow_plaintext_auth":true,"timeout":"10s"},
		"from":"agenda@example.com","app_url":"https://agenda.example.com"}`, host, port)
}

// sendOne sends the customer's mail of the sample booking.
func sendOne(t *testing.T, ctx context.Context, block string) *failure {
	t.Helper()
	l := configured(t, block)
	o := occasionOf(t, readFile(t, "appointment.saved.json"))
	letter, err := l.cfg.compose(o, l.cfg.recipients(o.p, nil, o.ev.IdempotencyKey)[0])
	if err != nil {
		t.Fatal(err)
	}
	s := l.mail.open(ctx)
	defer s.close()
	_, f := s.send(letter)
	return f
}

// A server that is down spends nobody's attempts.
func TestConnectionRefusedHoldsTheListener(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(ln.Addr().String())
	ln.Close()
	if f := sendOne(t, t.Context(), plainBlock(host, port)); f == nil || f.class != unavailable || f.after != time.Minute {
		t.Errorf("failure %+v, want it unavailable for a minute", f)
	}
}

// A server that stops talking must not hold the delivery beyond its deadline.
func TestDeadlineEndsASilentServer(t *testing.T) {
	for _, word := range []string{"greeting", "EHLO", "MAIL", "DATA", "."} {
		t.Run(word, func(t *testing.T) {
			host, port := scriptedServer(t, map[string]string{word: "wait"})
			cause := errors.New("no answer in time")
			ctx, cancel := context.WithTimeoutCause(t.Context(), 200*time.Millisecond, cause)
			defer cancel()
			begin := time.Now()
			f := sendOne(t, ctx, plainBlock(host, port))
			if f == nil || f.class != retry || !strings.Contains(f.what, cause.Error()) {
				t.Errorf("failure %+v, want one to try again that names the deadline", f)
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestRedact(t *testing.T) {
	hide := []string{"p4ss$", "in", "ana.lima@example.com", "ana.lima", "q7WmT2xZr0Ka"}
	tests := []struct{ text, want string }{
		{"550 <ana.lima@example.com>: no", "550 <[address]>: no"},
		{"550 user Ana.Lima unknown in mailing list", "550 user [hidden] unknown [hidden] mailing list"},
		{"554 spam link https://agenda.example.com/x/q7WmT2xZr0Ka found", "554 spam link [link] found"},
		{"535 p4ss$ is wrong for x@y", "535 [hidden] is wrong for [address]"},
		{"550 two\r\nlines\x00", "550 two lines"},
	}
	for _, tt := range tests {
		if got := redact(tt.text, hide); got != tt.want {
			t.Errorf("redact(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
	if got := redact(strings.Repeat("word ", 500), nil); len([]rune(got)) > maxLine {
		t.Errorf("a long reply stays %d characters long", len(got))
	}
}
