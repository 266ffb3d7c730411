// Package proxy is a TCP proxy that can be told to fail: to cut its
// connections, to let them hang half-open, and to be slow.
package proxy

import (
	"context"
	"io"
	"net"
	"sync"
	"time"
)

// Proxy forwards connections to one address. Close it.
type Proxy struct {
	target   string
	listener net.Listener
	running  sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool
	// hang is closed when bytes flow again; nil while they do.
	hang   chan struct{}
	delay  time.Duration
	closed bool
}

// Listen starts a proxy on a free port of the loopback.
func Listen(ctx context.Context, target string) (*Proxy, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{target: target, listener: l, conns: make(map[net.Conn]bool)}
	p.running.Go(p.accept)
	return p, nil
}

// Addr is where clients connect to.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Cut resets every connection.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			// No linger: the peer sees a reset, not an end.
			_ = tcp.SetLinger(0)
		}
		c.Close()
	}
	p.conns = make(map[net.Conn]bool)
}

// Hang keeps all bytes back, of new connections too, until Flow.
func (p *Proxy) Hang() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hang == nil {
		p.hang = make(chan struct{})
	}
}

// Delay holds each piece of data up by d; zero ends it.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Flow ends Hang and Delay.
func (p *Proxy) Flow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = 0
	if p.hang != nil {
		close(p.hang)
		p.hang = nil
	}
}

// Close ends all connections and waits for them.
func (p *Proxy) Close() error {
	err := p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Flow()
	p.Cut()
	p.running.Wait()
	return err
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	if !p.keep(client) {
		return
	}
	server, err := net.DialTimeout("tcp", p.target, 5*time.Second)
	if err != nil {
		p.drop(client)
		return
	}
	if !p.keep(server) {
		p.drop(client)
		return
	}
	p.running.Go(func() { p.pump(client, server) })
	p.pump(server, client)
}

// keep notes a connection so that it can be cut. It reports false, and closes
// it, when the proxy has been closed.
func (p *Proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.Close()
		return false
	}
	p.conns[c] = true
	return true
}

func (p *Proxy) drop(c net.Conn) {
	c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// pump copies until one side ends, and then ends both.
func (p *Proxy) pump(to, from net.Conn) {
	defer p.drop(to)
	defer p.drop(from)
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		p.hold()
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

// hold keeps a piece of data as long as the proxy's faults ask for.
func (p *Proxy) hold() {
	p.mu.Lock()
	hang, delay := p.hang, p.delay
	p.mu.Unlock()
	if hang != nil {
		<-hang
	}
	if delay > 0 {
		<-time.After(delay)
	}
}

var _ io.Closer = (*Proxy)(nil)
