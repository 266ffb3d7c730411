package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// refusalsInARow is how many mails a server may refuse by policy, with none
// taken in between, before the listener and not the mails is thought at fault.
const refusalsInARow = 5

// smtpTransport sends mails to a server over a few connections that outlive
// the event they were opened for.
type smtpTransport struct {
	cfg   *smtpConfig
	rules []rule
	// slots holds a token for each connection in use. Waiting connections are
	// always taken before a new one is made, so it bounds all of them.
	slots  chan struct{}
	timers sync.WaitGroup

	mu       sync.Mutex
	waiting  []*connection
	refusals int
}

var _ transport = (*smtpTransport)(nil)

func newSMTPTransport(c *config) *smtpTransport {
	return &smtpTransport{cfg: c.SMTP, rules: c.Classify, slots: make(chan struct{}, c.SMTP.MaxConnections)}
}

// open starts the sending of one event's mails. It connects with the first one.
func (t *smtpTransport) open(ctx context.Context) session { return &smtpSession{ctx: ctx, t: t} }

// check connects anew, logs in and says goodbye.
func (t *smtpTransport) check(ctx context.Context) error {
	conn, err := dial(ctx, t.cfg)
	if err != nil {
		return classify(ctx, err, t.rules, t.cfg.secrets()...)
	}
	conn.close()
	return nil
}

// close ends the waiting connections. No session may be open any more.
func (t *smtpTransport) close() error {
	t.mu.Lock()
	waiting := t.waiting
	t.waiting = nil
	t.mu.Unlock()
	for _, conn := range waiting {
		if conn.timer.Stop() {
			t.timers.Done()
		}
		conn.close()
	}
	t.timers.Wait()
	return nil
}

// take waits for a free connection, or makes one.
func (t *smtpTransport) take(ctx context.Context) (*connection, error) {
	select {
	case t.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	for {
		conn := t.takeWaiting()
		if conn == nil {
			break
		}
		// The server may have hung up meanwhile: better seen now than in the
		// middle of a mail.
		conn.use(ctx)
		if conn.alive() {
			return conn, nil
		}
		conn.close()
	}
	conn, err := dial(ctx, t.cfg)
	if err != nil {
		<-t.slots
		return nil, err
	}
	return conn, nil
}

func (t *smtpTransport) takeWaiting() *connection {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.waiting)
	if n == 0 {
		return nil
	}
	conn := t.waiting[n-1] // the one that waited least is most likely alive
	t.waiting = t.waiting[:n-1]
	if conn.timer.Stop() {
		t.timers.Done()
	}
	return conn
}

// put gives a connection back for the next event.
func (t *smtpTransport) put(conn *connection) {
	defer func() { <-t.slots }()
	if !conn.release() || conn.sent >= t.cfg.MaxPerConnection {
		conn.close()
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.timers.Add(1)
	conn.timer = time.AfterFunc(t.cfg.IdleTimeout.Std(), func() {
		defer t.timers.Done()
		if t.forget(conn) {
			conn.close()
		}
	})
	t.waiting = append(t.waiting, conn)
}

// drop ends a connection that is of no more use.
func (t *smtpTransport) drop(conn *connection) {
	conn.close()
	<-t.slots
}

// forget reports whether conn was waiting, and takes it out.
func (t *smtpTransport) forget(conn *connection) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, c := range t.waiting {
		if c == conn {
			t.waiting = append(t.waiting[:i], t.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// judge counts refusals by policy. One is about a mail; several in a row, with
// nothing taken in between, are about us.
func (t *smtpTransport) judge(f *failure) *failure {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !f.policy || f.class != permanent {
		return f
	}
	if t.refusals++; t.refusals >= refusalsInARow {
		f.class = unavailable
		f.what += fmt.Sprintf(" (the server refused %d mails in a row: look at what it says of the sender)", t.refusals)
	}
	return f
}

// accepted ends a row of refusals.
func (t *smtpTransport) accepted() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refusals = 0
}

// smtpSession sends the mails of one event over one connection after the other.
type smtpSession struct {
	ctx  context.Context //nolint:containedctx // a session lives no longer than the Handle that opened it
	t    *smtpTransport
	conn *connection
	// dead is why no mail can be sent now: the others need not find out again.
	dead *failure
}

// send hands one mail to the server and returns the server's reply.
func (s *smtpSession) send(l *letter) (string, *failure) {
	if s.dead != nil {
		return "", s.dead
	}
	hide := append(s.t.cfg.secrets(), l.hide()...)
	if s.conn != nil && s.conn.sent >= s.t.cfg.MaxPerConnection {
		s.drop()
	}
	if s.conn == nil {
		conn, err := s.t.take(s.ctx)
		if err != nil {
			s.dead = classify(s.ctx, err, s.t.rules, hide...)
			return "", s.dead
		}
		s.conn = conn
	}
	reply, taken, err := s.conn.send(l)
	if taken {
		if err != nil { // what failed came after the server had taken the mail
			s.drop()
		}
		s.t.accepted()
		return redact(reply, hide), nil
	}
	if err == nil {
		err = errors.New("the mail was not taken, and no reason was given")
	}
	f := s.t.judge(classify(s.ctx, err, s.t.rules, hide...))
	if f.lost || !s.conn.alive() {
		s.drop()
	}
	if f.class == unavailable {
		s.dead = f
	}
	return "", f
}

func (s *smtpSession) drop() {
	s.t.drop(s.conn)
	s.conn = nil
}

// close gives the connection back.
func (s *smtpSession) close() {
	if s.conn != nil {
		s.t.put(s.conn)
		s.conn = nil
	}
}
