package proxy

import (
	"bufio"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// echo serves a line for a line until the test ends.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}

type client struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func dial(t *testing.T, p *Proxy) client {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return client{c, t, bufio.NewReader(c)}
}

func (c client) say(text string) {
	c.t.Helper()
	if _, err := c.Write([]byte(text + "\n")); err != nil {
		c.t.Fatal(err)
	}
}

func (c client) hear(want string) {
	c.t.Helper()
	if got, err := c.r.ReadString('\n'); err != nil || got != want+"\n" {
		c.t.Fatalf("heard %q, %v; want %q", got, err, want)
	}
}

func start(t *testing.T) *Proxy {
	t.Helper()
	p, err := Listen(t.Context(), echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func TestForwards(t *testing.T) {
	p := start(t)
	p.Delay(time.Millisecond)
	c := dial(t, p)
	c.say("hello")
	c.hear("hello")
}

func TestCutResets(t *testing.T) {
	p := start(t)
	c := dial(t, p)
	c.say("hello")
	c.hear("hello")
	p.Cut()
	if _, err := c.r.ReadString('\n'); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("after a cut, reading gives %v; want a reset", err)
	}
	again := dial(t, p)
	again.say("back")
	again.hear("back")
}

// A half-open connection takes what is written, and answers nothing.
func TestHangKeepsBytesUntilFlow(t *testing.T) {
	p := start(t)
	c := dial(t, p)
	c.say("hello")
	c.hear("hello")
	p.Hang()
	c.say("anybody there?")
	if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if _, err := c.r.ReadString('\n'); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("a hanging connection answered: %v", err)
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	p.Flow()
	c.hear("anybody there?")
}
