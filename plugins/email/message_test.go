package main

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// part is a leaf of a mail.
type part struct {
	kind   string
	params map[string]string
	name   string // of an attachment
	body   string
}

// readMail takes a mail apart with the standard library only.
func readMail(t *testing.T, data []byte) (mail.Header, []part) {
	t.Helper()
	for _, line := range bytes.SplitAfter(data, []byte("\n")) {
		if len(line) > 1000 || len(line) > 1 && line[len(line)-1] == '\n' && line[len(line)-2] != '\r' {
			t.Errorf("a line of %d octets, or one that ends without CR: %.80q", len(line), line)
		}
	}
	msg, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return msg.Header, leaves(t, msg.Header.Get("Content-Type"), "", "", msg.Body)
}

func leaves(t *testing.T, contentType, encoding, name string, body io.Reader) []part {
	t.Helper()
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(kind, "multipart/") {
		if encoding == "base64" {
			body = base64.NewDecoder(base64.StdEncoding, body)
		}
		data, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		return []part{{kind, params, name, string(data)}}
	}
	var list []part
	for r := multipart.NewReader(body, params["boundary"]); ; {
		p, err := r.NextPart() // it decodes quoted-printable
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, leaves(t, p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p.FileName(), p)...)
	}
}

// mailsOf are the mails about a payload, by audience.
func mailsOf(t *testing.T, block string, payload []byte) map[string][]byte {
	t.Helper()
	l := configured(t, block)
	if err := l.Handle(t.Context(), event(payload)); err != nil {
		t.Fatal(err)
	}
	mails := make(map[string][]byte)
	for name, data := range filesIn(t, l.cfg.File.Dir) {
		_, rest, _ := strings.Cut(name, "-")
		audience, _, _ := strings.Cut(rest, "-")
		mails[audience] = []byte(data)
	}
	return mails
}

func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(data)
	}
	return files
}

func TestMailShape(t *testing.T) {
	tests := []struct {
		file, more string
		kinds      string
		method     string
	}{
		{"appointment.saved.json", "", "text/plain text/html text/calendar application/ics", "REQUEST"},
		{"appointment.deleted.json", "", "text/plain text/html text/calendar application/ics", "CANCEL"},
		{"appointment.saved.json", `"calendar":{"mode":"passthrough"},`, "text/plain text/html application/ics", ""},
		{"appointment.deleted.json", `"calendar":{"mode":"passthrough"},`, "text/plain text/html", ""},
		{"appointment.saved.json", `"calendar":{"mode":"none"},`, "text/plain text/html", ""},
	}
	for _, tt := range tests {
		t.Run(tt.file+tt.more, func(t *testing.T) {
			mails := mailsOf(t, strings.Replace(fileBlock, "{", "{"+tt.more, 1), readFile(t, tt.file))
			_, parts := readMail(t, mails[toCustomer])
			var kinds []string
			calendars := map[string]string{}
			for _, p := range parts {
				kinds = append(kinds, p.kind)
				if p.kind == "text/calendar" && p.params["method"] != tt.method {
					t.Errorf("the calendar part's method is %q, want %q", p.params["method"], tt.method)
				}
				if strings.HasSuffix(p.kind, "/calendar") || p.kind == "application/ics" {
					calendars[p.body] = p.name
				}
			}
			if strings.Join(kinds, " ") != tt.kinds {
				t.Errorf("parts %v, want %s", kinds, tt.kinds)
			}
			if tt.method != "" && (len(calendars) != 1 || !strings.Contains(parts[2].body, "\r\nMETHOD:"+tt.method+"\r\n")) {
				t.Errorf("%d different calendars in one mail, or not of method %s", len(calendars), tt.method)
			}
		})
	}
}

func TestMailHeaders(t *testing.T) {
	block := strings.Replace(fileBlock, "{", `{"list_unsubscribe":"mailto:stop@example.com",`, 1)
	first, _ := readMail(t, mailsOf(t, block, readFile(t, "appointment.saved.json"))[toCustomer])
	again, _ := readMail(t, mailsOf(t, block, readFile(t, "appointment.saved.json"))[toCustomer])
	provider, _ := readMail(t, mailsOf(t, block, readFile(t, "appointment.saved.json"))[toProvider])
	if id := first.Get("Message-Id"); id == "" || id != again.Get("Message-Id") || id == provider.Get("Message-Id") || !strings.HasSuffix(id, "@example.com>") {
		t.Errorf("Message-IDs %q, %q at the next attempt, %q for somebody else", id, again.Get("Message-Id"), provider.Get("Message-Id"))
	}
	decode := func(h string) string {
		s, err := new(mime.WordDecoder).DecodeHeader(first.Get(h))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	tests := []struct{ header, want string }{
		{"From", `"Studio Aurora" <agenda@example.com>`},
		{"To", `João Otávio D'Ávila <joao.davila@correio.example>`},
		{"Reply-To", `"Studio Aurora" <contato@studio-aurora.example>`},
		{"Subject", "Seu horário está marcado: Limpeza de pele / hidratação, 27/01/2026 14:15"},
		{"References", "<appt.4127@example.com>"},
		{"Date", "Sun, 25 Jan 2026 10:00:00 +0000"},
		{"Auto-Submitted", "auto-generated"},
		{"X-Auto-Response-Suppress", "All"},
		{"Content-Language", "pt-BR"},
		{"List-Unsubscribe", "<mailto:stop@example.com>"},
		{"User-Agent", ""}, {"X-Mailer", ""}, {"Precedence", ""}, {"Bcc", ""},
	}
	for _, tt := range tests {
		if got := decode(tt.header); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.header, got, tt.want)
		}
	}
}

// Whatever people type, a mail stays one mail to one person.
func TestMailIsSafeWithHostileNames(t *testing.T) {
	plain, _ := readMail(t, mailsOf(t, fileBlock, readFile(t, "appointment.saved.json"))[toCustomer])
	want := headerNames(plain)
	for what, text := range hostile {
		t.Run(what, func(t *testing.T) {
			header, parts := readMail(t, mailsOf(t, fileBlock, hostilePayload(t, text))[toCustomer])
			if got := headerNames(header); !slices.Equal(got, want) {
				t.Errorf("headers %v, want %v", got, want)
			}
			to, err := header.AddressList("To")
			if err != nil || len(to) != 1 || to[0].Address != "joao.davila@correio.example" {
				t.Errorf("to %v, %v", to, err)
			}
			if from, err := header.AddressList("From"); err != nil || len(from) != 1 || from[0].Address != "agenda@example.com" {
				t.Errorf("from %v, %v", from, err)
			}
			for _, p := range parts {
				if !utf8.ValidString(p.body) {
					t.Errorf("the %s is not UTF-8", p.kind)
				}
				if p.kind == "text/html" && (strings.Contains(p.body, "<script") || strings.Contains(p.body, `href="javascript`)) {
					t.Error("the HTML holds what a customer typed")
				}
				if strings.ContainsAny(p.body, "\u202e\u2066") {
					t.Errorf("the %s turns the reading direction", p.kind)
				}
			}
			if len(parts) != 4 {
				t.Errorf("%d parts, want 4", len(parts))
			}
		})
	}
}

func headerNames(h mail.Header) []string {
	var names []string
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func TestDryRunWritesWhatWouldBeSent(t *testing.T) {
	m := startServer(t, &mailServer{}, nil, false)
	l := configured(t, serverBlock(m, `,"dry_run_dir":"preview"`))
	ev := event(readFile(t, "appointment.saved.json"))
	ev.DryRun = true
	if err := l.Handle(t.Context(), ev); err != nil {
		t.Fatal(err)
	}
	if n := len(m.received()); n != 0 || m.sessions != 0 {
		t.Errorf("a dry run connected %d times and sent %d mails", m.sessions, n)
	}
	starts := map[string]string{".txt": "Seu horário", ".html": "<!DOCTYPE html>", ".ics": "BEGIN:VCALENDAR"}
	files := filesIn(t, l.cfg.DryRunDir)
	for name, content := range files {
		if ending := filepath.Ext(name); !strings.HasPrefix(content, starts[ending]) && !strings.HasPrefix(content, "Novo agendamento") {
			t.Errorf("%s starts with %.30q", name, content)
		}
		if strings.HasSuffix(name, ".eml") {
			readMail(t, []byte(content))
		}
	}
	if len(files) != 8 {
		t.Errorf("%d files, want 4 for each of 2 recipients", len(files))
	}
}

func TestFileTransportWritesOnce(t *testing.T) {
	l := configured(t, fileBlock)
	for range 2 { // an attempt that is repeated writes over its own file
		if err := l.Handle(t.Context(), event(readFile(t, "appointment.saved.json"))); err != nil {
			t.Fatal(err)
		}
	}
	files := filesIn(t, l.cfg.File.Dir)
	for name := range files {
		info, err := os.Stat(filepath.Join(l.cfg.File.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, ".eml") || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s: want only mails, for the owner alone", name, info.Mode())
		}
	}
	if len(files) != 2 {
		t.Errorf("%d files, want one for each of 2 recipients", len(files))
	}
}

func TestFileTransportWithoutAFolderIsTriedAgain(t *testing.T) {
	l := configured(t, fileBlock)
	if err := os.WriteFile(l.cfg.File.Dir, nil, 0o600); err != nil { // a file where the folder should be
		t.Fatal(err)
	}
	if err := l.Handle(t.Context(), event(readFile(t, "appointment.saved.json"))); outcomeOf(err) != "retry" {
		t.Errorf("Handle = %v, want an error to try again", err)
	}
	if err := l.Check(t.Context()); err == nil {
		t.Error("Check found nothing wrong")
	}
}
