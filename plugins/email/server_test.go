package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// mailServer is a real SMTP server in this process whose answers a test chooses.
type mailServer struct {
	host, port string
	mu         sync.Mutex
	sessions   int // opened so far
	open, peak int // at once
	mails      []receivedMail
	// answer decides about a recipient; nil takes everybody.
	answer func(to string) error
	// user and password are asked for if there is a user.
	user, password string
	// token is asked for instead of the password if it is set (XOAUTH2).
	token string
	// utf8 offers SMTPUTF8.
	utf8 bool
}

type receivedMail struct {
	from, to     string
	data         []byte
	secure, utf8 bool
}

// startServer serves until the test ends. tlsConfig may be nil; implicit
// speaks TLS from the first byte.
func startServer(t *testing.T, m *mailServer, tlsConfig *tls.Config, implicit bool) *mailServer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.host, m.port, _ = net.SplitHostPort(ln.Addr().String())
	srv := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.sessions++
		m.open++
		m.peak = max(m.peak, m.open)
		_, secure := c.TLSConnectionState()
		s := &mailSession{m: m, secure: secure}
		if m.user == "" {
			return s, nil
		}
		return &authSession{s}, nil
	}))
	srv.Domain = "mail.example.com"
	srv.TLSConfig = tlsConfig
	srv.AllowInsecureAuth, srv.EnableSMTPUTF8 = true, m.utf8
	srv.ErrorLog = discard{}
	if implicit {
		ln = tls.NewListener(ln, tlsConfig)
	}
	var wg sync.WaitGroup
	wg.Go(func() { srv.Serve(ln) })
	// The listener too: a server that is closed before it serves would serve for ever.
	t.Cleanup(func() { srv.Close(); ln.Close(); wg.Wait() })
	return m
}

// received is what the server took so far.
func (m *mailServer) received() []receivedMail {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]receivedMail(nil), m.mails...)
}

type mailSession struct {
	m      *mailServer
	mail   receivedMail
	secure bool
}

func (s *mailSession) Reset() {}

func (s *mailSession) Logout() error {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.m.open--
	return nil
}

func (s *mailSession) Mail(from string, opts *smtp.MailOptions) error {
	s.mail = receivedMail{from: from, secure: s.secure, utf8: opts.UTF8}
	return nil
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.to = to
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if s.m.answer != nil {
		return s.m.answer(to)
	}
	return nil
}

func (s *mailSession) Data(r io.Reader) (err error) {
	if s.mail.data, err = io.ReadAll(r); err != nil {
		return err
	}
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.m.mails = append(s.m.mails, s.mail)
	return nil
}

type authSession struct{ *mailSession }

func (s *authSession) AuthMechanisms() []string {
	if s.m.token != "" {
		return []string{"XOAUTH2"}
	}
	return []string{sasl.Plain, sasl.Login}
}

func (s *authSession) Auth(mech string) (sasl.Server, error) {
	verify := func(user, password string) error {
		if user != s.m.user || password != s.m.password {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "user " + user + " may not enter with " + password}
		}
		return nil
	}
	if mech == "XOAUTH2" {
		return &tokenServer{want: "user=" + s.m.user + "\x01auth=Bearer " + s.m.token + "\x01\x01"}, nil
	}
	if mech == sasl.Login {
		return &loginServer{verify: verify}, nil
	}
	return sasl.NewPlainServer(func(_, user, password string) error { return verify(user, password) }), nil
}

// loginServer speaks LOGIN, which go-sasl only has a client for.
type loginServer struct {
	user   []byte
	step   int
	verify func(user, password string) error
}

func (l *loginServer) Next(response []byte) ([]byte, bool, error) {
	l.step++
	switch l.step {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.user = response
		return []byte("Password:"), false, nil
	}
	return nil, true, l.verify(string(l.user), string(response))
}

// tokenServer speaks XOAUTH2: a wrong token gets a challenge that says why,
// and the refusal only after the client's answer to that.
type tokenServer struct {
	want string
	told bool
}

func (x *tokenServer) Next(response []byte) ([]byte, bool, error) {
	switch {
	case x.told:
		return nil, true, &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "the token has expired"}
	case string(response) == x.want:
		return nil, true, nil
	}
	x.told = true
	return []byte(`{"status":"400"}`), false, nil
}

type discard struct{}

func (discard) Printf(string, ...any) {}
func (discard) Println(...any)        {}

// scriptedServer answers by the first word of a command: it plays the servers
// that no library lets one play. The answer "hang up" ends the connection and
// "wait" says nothing. The words are "greeting", the commands, and "." for the
// end of a mail; one that the script leaves out is answered well.
func scriptedServer(t *testing.T, script map[string]string) (host, port string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				talk(conn, script)
			})
		}
	})
	t.Cleanup(func() { ln.Close(); wg.Wait() })
	host, port, _ = net.SplitHostPort(ln.Addr().String())
	return host, port
}

func talk(conn net.Conn, script map[string]string) {
	answers := map[string]string{
		"greeting": "220 ready", "EHLO": "250-mail.example.com\r\n250-AUTH PLAIN\r\n250 ENHANCEDSTATUSCODES", "DATA": "354 go on",
		".": "250 2.0.0 queued", "QUIT": "221 bye", "AUTH": "235 welcome",
	}
	for word, answer := range script {
		answers[word] = answer
	}
	in := textproto.NewReader(bufio.NewReader(conn))
	word := "greeting"
	for {
		answer := answers[word]
		if answer == "" {
			answer = "250 OK"
		}
		switch {
		case answer == "hang up":
			return
		case answer != "wait":
			fmt.Fprintf(conn, "%s\r\n", answer)
		}
		if word == "DATA" && strings.HasPrefix(answer, "354") {
			if _, err := in.ReadDotBytes(); err != nil {
				return
			}
			word = "."
			continue
		}
		if word == "QUIT" {
			return
		}
		line, err := in.ReadLine()
		if err != nil {
			return
		}
		word, _, _ = strings.Cut(strings.ToUpper(line), " ")
	}
}
