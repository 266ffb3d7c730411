package main

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func TestGuard(t *testing.T) {
	lan := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	everything := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	guards := map[string]*guard{
		"public": newGuard(false, nil), "lan": newGuard(false, lan),
		"any": newGuard(true, nil), "all": newGuard(false, everything),
	}
	tests := []struct {
		address string
		passes  string // the guards that let it through
	}{
		{"8.8.8.8", "public lan any all"}, {"2606:4700::1111", "public lan any all"},
		{"10.1.2.3", "lan any all"}, {"fd12::1", "lan any all"}, {"::ffff:10.1.2.3", "lan any all"},
		{"127.0.0.1", "any all"}, {"192.168.0.9", "any all"}, {"172.16.0.1", "any all"}, {"100.64.0.1", "any all"},
		{"0.0.0.0", "any all"}, {"198.18.0.1", "any all"}, {"224.0.0.1", "any all"}, {"::1", "any all"},
		{"::ffff:127.0.0.1", "any all"}, {"64:ff9b::7f00:1", "any all"}, {"2002:7f00:1::", "any all"},
		// Where clouds hand out credentials: nobody ever.
		{"169.254.169.254", ""}, {"169.254.170.2", ""}, {"169.254.0.1", ""}, {"::ffff:169.254.169.254", ""},
		{"64:ff9b::a9fe:a9fe", ""}, {"2002:a9fe:a9fe::", ""}, {"fe80::1%eth0", ""}, {"fe80::a9fe:a9fe", ""},
		{"fd00:ec2::254", ""}, {"fd20:ce::254", ""}, {"fd00:42::42", ""}, {"100.100.100.200", ""}, {"168.63.129.16", ""}, {"192.0.0.192", ""},
	}
	for _, tt := range tests {
		for name, g := range guards {
			want := strings.Contains(" "+tt.passes+" ", " "+name+" ")
			err := g.control("tcp", netip.AddrPortFrom(netip.MustParseAddr(tt.address), 8443).String(), nil)
			if (err == nil) != want {
				t.Errorf("%s with network %s: %v, want it to pass %t", tt.address, name, err, want)
			}
		}
	}
}

// A name that first leads to the receiver and then to the metadata service
// gets no second event.
func TestRebinding(t *testing.T) {
	for _, network := range []string{"public", "any"} {
		t.Run(network, func(t *testing.T) {
			r := newReceiver(t, nil)
			r.Config.SetKeepAlivesEnabled(false) // each event looks the name up anew
			_, port, _ := net.SplitHostPort(r.Listener.Addr().String())
			l := configured(t, local("http://hooks.example.com:"+port, map[string]any{"network": network}))
			names := newNames(t)
			l.cfg.resolver = names.resolver()
			l.client = l.cfg.client()

			names.lead("127.0.0.1")
			if got := l.post(t.Context(), http.Header{}, nil); got.class != delivered {
				t.Fatalf("before: %+v", got)
			}
			names.lead("169.254.169.254")
			got := l.post(t.Context(), http.Header{}, nil)
			if got.class != unavailable || !strings.Contains(got.what, "169.254.169.254") {
				t.Errorf("after: %+v, want a refusal that names the address", got)
			}
			if err := l.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "169.254.169.254") {
				t.Errorf("Check = %v, want a refusal that names the address", err)
			}
			r.got(t, 1)
		})
	}
}

func TestPrivateAddressIsRefusedUnlessAllowed(t *testing.T) {
	r := newReceiver(t, nil)
	refused := configured(t, map[string]any{"url": r.URL})
	if got := refused.post(t.Context(), http.Header{}, nil); got.class != unavailable || !strings.Contains(got.what, "allow: [127.0.0.1/32]") {
		t.Errorf("without allow: %+v, want a refusal that says what to set", got)
	}
	r.got(t, 0)
	for _, block := range []map[string]any{{"url": r.URL, "allow": []string{"127.0.0.1"}}, {"url": r.URL, "network": "any"}} {
		if got := configured(t, block).post(t.Context(), http.Header{}, nil); got.class != delivered {
			t.Errorf("with %v: %+v", block, got)
		}
	}
}

// names is a DNS server that gives every name the same address.
type names struct {
	conn net.PacketConn
	addr atomic.Pointer[netip.Addr]
}

func newNames(t *testing.T) *names {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &names{conn: conn}
	done := make(chan struct{})
	go func() { defer close(done); n.serve() }()
	t.Cleanup(func() { conn.Close(); <-done })
	return n
}

func (n *names) lead(to string) {
	addr := netip.MustParseAddr(to)
	n.addr.Store(&addr)
}

func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", n.conn.LocalAddr().String())
	}}
}

func (n *names) serve() {
	buf := make([]byte, 1500)
	for {
		size, from, err := n.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		var msg dnsmessage.Message
		if msg.Unpack(buf[:size]) != nil || len(msg.Questions) != 1 {
			continue
		}
		q := msg.Questions[0]
		answer := dnsmessage.Message{Header: dnsmessage.Header{ID: msg.ID, Response: true, RecursionAvailable: true}, Questions: msg.Questions}
		if q.Type == dnsmessage.TypeA {
			answer.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
				Body:   &dnsmessage.AResource{A: n.addr.Load().As4()},
			}}
		}
		if packed, err := answer.Pack(); err == nil {
			_, _ = n.conn.WriteTo(packed, from)
		}
	}
}
