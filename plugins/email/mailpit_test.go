package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/earshot-host/earshot/sdk"
)

// mailpit is a mail server of other people's making, in a process of its own.
type mailpit struct {
	host, port string // of SMTP
	api        string
}

func startMailpit(t *testing.T, args ...string) *mailpit {
	t.Helper()
	program := os.Getenv("EARSHOT_TEST_MAILPIT")
	if program == "" {
		t.Fatal("EARSHOT_TEST_MAILPIT does not name the mailpit program: run the tests with `make test`, which installs it")
	}
	smtpAddr, httpAddr := freeAddress(t), freeAddress(t)
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, append([]string{
		"--smtp", smtpAddr, "--listen", httpAddr, "--database", t.TempDir() + "/mail.db",
		"--disable-version-check", "--smtp-disable-rdns", "--quiet", "--max", "0",
	}, args...)...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it ends by our signal
		http.DefaultClient.CloseIdleConnections()
	})
	m := &mailpit{api: "http://" + httpAddr}
	m.host, m.port, _ = net.SplitHostPort(smtpAddr)
	waitFor(t, "mailpit to start: "+program, func() bool {
		resp, err := http.Get(m.api + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		conn, err := net.Dial("tcp", smtpAddr)
		if err != nil {
			return false
		}
		conn.Close()
		return resp.StatusCode == http.StatusOK
	})
	return m
}

// waitFor asks now and then: the other side is a foreign process.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 1500 {
		if done() {
			return
		}
		<-tick.C
	}
	t.Fatal("waited in vain for " + what)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// call asks the REST interface; out may be nil.
func (m *mailpit) call(t *testing.T, method, path, body string, out any) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, m.api+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s = %s: %s", method, path, resp.Status, data)
	}
	if out != nil {
		if err := json.Unmarshal(data, out); err != nil {
			t.Fatal(err)
		}
	}
	return data
}

type pitSummary struct {
	ID, MessageID, Subject string
	To                     []struct{ Name, Address string }
}

type pitMessage struct {
	Text, HTML  string
	From        struct{ Name, Address string }
	ReplyTo     []struct{ Name, Address string }
	Attachments []struct{ PartID, FileName, ContentType string }
}

// messages lists all that arrived, without their bodies.
func (m *mailpit) messages(t *testing.T) []pitSummary {
	t.Helper()
	var list struct{ Messages []pitSummary }
	m.call(t, "GET", "/api/v1/messages?limit=5000", "", &list)
	return list.Messages
}

func (m *mailpit) block(more string) string {
	return fmt.Sprintf(`{"smtp":{"host":%q,"port":%s,"tls":"none"},"from":"agenda@example.com","app_url":"https://agenda.example.com"%s}`, m.host, m.port, more)
}

// Each mail that the application itself would have sent arrives, and says what
// the application's said.
func TestMailpitParity(t *testing.T) {
	m := startMailpit(t)
	l := configured(t, m.block(`,"default_timezone":"America/Sao_Paulo","audiences":{"staff":[{"email":"desk@example.com","name":"Desk","language":"en"}]}`))
	saved := []string{"Limpeza de pele / hidratação", "Márcia Queiroz Lima", "America/Sao Paulo (UTC-03:00)", "Sessão completa.",
		"Rua das Acácias, 210 - sala 4", "Primeira vez 😊", "João Otávio D'Ávila", "joao.davila@correio.example", "(19) 95550-0142",
		"Av. Brasil, 1500 <apto 31>, Campinas, 13070-000", "Studio Aurora", "https://studio-aurora.example"}
	updated := []string{"Fisioterapia", "Ricardo Sá", "Łucja Ñandú", "+351 910 000 042", "Físio & Norte", "https://fisio-norte.example/agenda"}
	const booking, calendar = "https://agenda.example.com/index.php/booking/reschedule/", "https://agenda.example.com/index.php/calendar/reschedule/"
	tests := []struct {
		event, to, subject string
		says               []string
		color              string
	}{
		{"saved", "joao.davila@correio.example", "Seu horário está marcado: Limpeza de pele / hidratação, 27/01/2026 14:15",
			append(saved, "terça-feira, 27 de janeiro de 2026, 14:15 – 15:00", "Agendado", booking+"q7WmT2xZr0Ka"), "#6b3fa0"},
		{"saved", "marcia.lima@studio-aurora.example", "Novo agendamento: João Otávio D'Ávila, Limpeza de pele / hidratação, 27/01/2026 14:15",
			append(saved, "terça-feira, 27 de janeiro de 2026, 14:15 – 15:00", calendar+"q7WmT2xZr0Ka"), "#6b3fa0"},
		{"saved", "desk@example.com", "New appointment: João Otávio D'Ávila, Limpeza de pele / hidratação, 27/01/2026 14:15",
			append(saved, "Tuesday, 27 January 2026, 14:15 – 15:00", "Booked", calendar+"q7WmT2xZr0Ka"), "#6b3fa0"},
		{"updated", "lucja@correio.example", "Appointment changed: Fisioterapia, 2026-02-02 10:30 pm",
			append(updated, "Monday, 2026-02-02, 10:30 pm – 11:00 pm", "America/Manaus (UTC-04:00)", "Confirmed", booking+"Zp0aB9cD3eF6"), "#2f5d8a"},
		{"updated", "desk@example.com", "Appointment changed: Fisioterapia, 2026-02-02 11:30 pm",
			append(updated, "Monday, 2026-02-02, 11:30 pm – Tuesday, 2026-02-03, 12:00 am", calendar+"Zp0aB9cD3eF6"), "#2f5d8a"},
		{"deleted", "joao.davila@correio.example", "Agendamento cancelado: Limpeza de pele / hidratação, 28/01/2026 09:30",
			append(saved, "Remarcado", "Motivo do cancelamento", "Imprevisto no trabalho 😞 / remarco depois."), "#6b3fa0"},
		{"deleted", "marcia.lima@studio-aurora.example", "Agendamento cancelado: Limpeza de pele / hidratação, 28/01/2026 09:30",
			append(saved, "quarta-feira, 28 de janeiro de 2026, 09:30 – 10:15", "Imprevisto no trabalho 😞"), "#6b3fa0"},
		{"deleted", "desk@example.com", "Appointment cancelled: Limpeza de pele / hidratação, 28/01/2026 09:30",
			append(saved, "Reason for the cancellation", "Imprevisto no trabalho 😞"), "#6b3fa0"},
	}
	for _, name := range []string{"saved", "updated", "deleted"} {
		if err := l.Handle(t.Context(), event(readFile(t, "appointment."+name+".json"))); err != nil {
			t.Fatal(err)
		}
	}
	got := m.messages(t)
	if len(got) != len(tests) {
		t.Errorf("%d mails arrived, want %d", len(got), len(tests))
	}
	for _, tt := range tests {
		t.Run(tt.event+" to "+tt.to, func(t *testing.T) {
			var mail pitMessage
			id := ""
			for _, g := range got {
				if g.Subject == tt.subject && g.To[0].Address == tt.to {
					id = g.ID
				}
			}
			if id == "" {
				t.Fatalf("no mail to them with the subject %q", tt.subject)
			}
			m.call(t, "GET", "/api/v1/message/"+id, "", &mail)
			for _, want := range tt.says {
				if !strings.Contains(mail.Text, want) {
					t.Errorf("the text does not say %q", want)
				}
				if html := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", "+", "&#43;").Replace(want); !strings.Contains(mail.HTML, html) {
					t.Errorf("the HTML does not say %q", html)
				}
			}
			if tt.event == "deleted" && strings.Contains(mail.Text+mail.HTML, "reschedule") {
				t.Error("a cancelled appointment still has a link")
			}
			if !strings.Contains(mail.HTML, tt.color) {
				t.Errorf("the HTML has no bar in %s", tt.color)
			}
			if !strings.Contains(mail.From.Name, "Studio Aurora") && !strings.Contains(mail.From.Name, "Físio & Norte") || len(mail.ReplyTo) != 1 {
				t.Errorf("from %q, answers to %v: want the company", mail.From.Name, mail.ReplyTo)
			}
			attached := false
			for _, a := range mail.Attachments {
				attached = attached || a.FileName == "invite.ics" && strings.HasPrefix(
					string(m.call(t, "GET", "/api/v1/message/"+id+"/part/"+a.PartID, "", nil)), "BEGIN:VCALENDAR\r\n")
			}
			if !attached {
				t.Errorf("no invite.ics among %v", mail.Attachments)
			}
		})
	}
}

// TLS and login as a server of another make wants them.
func TestMailpitTLSAndLogin(t *testing.T) {
	_, cert, key := certificate(t)
	users := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(users, []byte("agenda:p4ssw0rd\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, flag, tls, password, want string }{
		{"starttls", "--smtp-require-starttls", "starttls", "p4ssw0rd", "delivered"},
		{"implicit", "--smtp-require-tls", "implicit", "p4ssw0rd", "delivered"},
		{"wrong password", "--smtp-require-starttls", "starttls", "wrong", "unavailable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := startMailpit(t, tt.flag, "--smtp-tls-cert", cert, "--smtp-tls-key", key, "--smtp-auth-file", users)
			block := fmt.Sprintf(`{"smtp":{"host":%q,"port":%s,"tls":%q,"tls_ca":%q,"username":"agenda","password":%q},"from":"agenda@example.com"}`,
				m.host, m.port, tt.tls, cert, tt.password)
			l := configured(t, block)
			err := l.Handle(t.Context(), event(readFile(t, "appointment.saved.json")))
			if got := outcomeOf(err); got != tt.want {
				t.Fatalf("Handle = %v (%s), want it %s", err, got, tt.want)
			}
			if check := l.Check(t.Context()); (check == nil) != (tt.want == "delivered") {
				t.Errorf("Check = %v", check)
			}
			if n := len(m.messages(t)); (n == 2) != (tt.want == "delivered") {
				t.Errorf("%d mails arrived", n)
			}
		})
	}
}

// A server that refuses at random gets each mail all the same, and nobody two.
func TestMailpitChaos(t *testing.T) {
	m := startMailpit(t, "--enable-chaos")
	l := configured(t, m.block(`,"audiences":{"staff":[{"email":"desk@example.com"}]}`))
	m.call(t, "PUT", "/api/v1/chaos", `{"Recipient":{"ErrorCode":451,"Probability":100}}`, nil)
	ev := event(readFile(t, "appointment.saved.json"))
	err := l.Handle(t.Context(), ev)
	if err == nil || sdk.IsPermanent(err) || !strings.Contains(err.Error(), "451") {
		t.Fatalf("Handle = %v, want an error to try again", err)
	}
	m.call(t, "PUT", "/api/v1/chaos", `{"Recipient":{"ErrorCode":451,"Probability":50},"Sender":{"ErrorCode":451,"Probability":20}}`, nil)
	for range 200 {
		if err = l.Handle(t.Context(), ev); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if n := len(m.messages(t)); n != 3 {
		t.Errorf("%d mails arrived, want one for each of 3", n)
	}
}

// 200 events for three people each, over lines that break and a server that
// refuses: nothing is lost, and a mail arrives twice only where the line broke
// before the server's last word, which the listener then says.
func TestMailpitLinesThatBreak(t *testing.T) {
	m := startMailpit(t, "--enable-chaos")
	m.call(t, "PUT", "/api/v1/chaos", `{"Recipient":{"ErrorCode":451,"Probability":30}}`, nil)
	m.host, m.port = breakingLine(t, net.JoinHostPort(m.host, m.port))
	l := configured(t, strings.Replace(m.block(`,"audiences":{"staff":[{"email":"desk@example.com"}]}`), `"tls"`, `"max_connections":4,"tls"`, 1))
	payload := readFile(t, "appointment.saved.json")
	var wg sync.WaitGroup
	var mu sync.Mutex
	unsure := 0
	events := make(chan int)
	for range 4 {
		wg.Go(func() {
			for n := range events {
				ev := event(payload)
				ev.ID, ev.IdempotencyKey = int64(n), fmt.Sprintf("%d-email", n)
				err := l.Handle(t.Context(), ev)
				for try := 0; err != nil && try < 500; try++ {
					mu.Lock()
					unsure += strings.Count(err.Error(), "which it may have taken")
					mu.Unlock()
					if sdk.IsPermanent(err) {
						break
					}
					err = l.Handle(t.Context(), ev)
				}
				if err != nil {
					t.Errorf("event %d: %v", n, err)
				}
			}
		})
	}
	for n := range 200 {
		events <- n
	}
	close(events)
	wg.Wait()
	all := m.messages(t)
	ids := make(map[string]bool)
	for _, mail := range all {
		ids[mail.MessageID] = true
	}
	if len(ids) != 600 {
		t.Errorf("%d different mails arrived, want 600", len(ids))
	}
	if twice := len(all) - len(ids); twice > unsure {
		t.Errorf("%d mails arrived twice, but the listener was unsure of %d only", twice, unsure)
	}
	t.Logf("%d mails, %d twice, %d unsure", len(all), len(all)-len(ids), unsure)
}

// breakingLine passes on to server and breaks about one in forty replies off.
func breakingLine(t *testing.T, server string) (host, port string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", server)
			if err != nil {
				near.Close()
				continue
			}
			wg.Go(func() {
				_, _ = io.Copy(far, near) // ends when either side closes
				far.Close()
			})
			wg.Go(func() {
				defer near.Close()
				defer far.Close()
				buf := make([]byte, 4096)
				for {
					n, err := far.Read(buf)
					if err != nil || rand.IntN(40) == 0 {
						return
					}
					if _, err := near.Write(buf[:n]); err != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() { ln.Close(); wg.Wait() })
	host, port, _ = net.SplitHostPort(ln.Addr().String())
	return host, port
}
