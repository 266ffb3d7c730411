package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/earshot-host/earshot/sdk"
)

func isPermanent(err error) bool { return sdk.IsPermanent(err) }

func TestRedirectsAreNotFollowed(t *testing.T) {
	inner := newReceiver(t, nil)
	for _, status := range []int{301, 302, 303, 307, 308} {
		outer := newReceiver(t, func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, inner.URL+"/moved?token=abc", status)
		})
		got := configured(t, local(outer.URL, nil)).post(t.Context(), http.Header{}, []byte("{}"))
		if got.class != unavailable || !strings.Contains(got.what, inner.URL) || strings.Contains(got.what, "abc") {
			t.Errorf("%d: %+v, want a refusal that names the new host and not its token", status, got)
		}
		outer.got(t, 1)
	}
	inner.got(t, 0)
}

// A receiver that drips its answer costs one timeout, not a worker for ever.
func TestSlowAnswers(t *testing.T) {
	tests := []struct {
		name   string
		answer http.HandlerFunc
		want   class
	}{
		{"silence", func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() }, retry},
		{"a 200 whose body drips", func(w http.ResponseWriter, req *http.Request) {
			for req.Context().Err() == nil {
				_, _ = io.WriteString(w, "x")
				w.(http.Flusher).Flush()
				select {
				case <-req.Context().Done():
				case <-time.After(time.Millisecond):
				}
			}
		}, delivered},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newReceiver(t, tt.answer)
			l := configured(t, local(r.URL, map[string]any{"timeout": "100ms"}))
			got := l.post(t.Context(), http.Header{}, []byte("{}"))
			if got.class != tt.want {
				t.Errorf("%+v, want class %d", got, tt.want)
			}
			if tt.want == retry && !strings.Contains(got.what, "no answer in 100ms") {
				t.Errorf("%q does not tell the time", got.what)
			}
		})
	}
}

func TestHeadersThatDrip(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		for err == nil {
			_, err = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX: "[:1])
		}
	}()
	l := configured(t, local("http://"+ln.Addr().String(), map[string]any{"timeout": "200ms"}))
	if got := l.post(t.Context(), http.Header{}, []byte("{}")); got.class != retry {
		t.Errorf("%+v, want class %d", got, retry)
	}
	<-done
}

func TestHugeAnswer(t *testing.T) {
	const size = 1 << 30
	sent := make(chan int64, 1)
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		n, _ := io.Copy(w, io.LimitReader(zeros{}, size))
		sent <- n
	})
	var logs bytes.Buffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, nil)))
	l := configured(t, local(r.URL, nil))
	if got := l.post(t.Context(), http.Header{}, []byte("{}")); got.class != delivered {
		t.Errorf("%+v, want class %d", got, delivered)
	}
	if n := <-sent; n >= size {
		t.Error("all of the answer was read")
	}
	if n := strings.Count(logs.String(), "0"); n < 1<<9 || n > 2<<10 {
		t.Errorf("the log holds %d bytes of the answer, want about 1 KB", n)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

// What the receiver says may repeat the payload: it is in no error, and in no
// log line above debug.
func TestAnswerIsNotLogged(t *testing.T) {
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "bad phone (11) 98765-4321", http.StatusBadRequest)
	})
	var logs bytes.Buffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&logs, &slog.HandlerOptions{Level: slog.LevelInfo})))
	defer slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, nil)))
	got := configured(t, local(r.URL, nil)).post(t.Context(), http.Header{}, []byte("{}"))
	if strings.Contains(got.what+logs.String(), "98765") {
		t.Errorf("the answer came through: %s %s", got.what, logs.String())
	}
}

func TestAddressIsRedacted(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := ln.Addr().String()
	ln.Close() // nobody listens there now
	l := configured(t, local("https://ana:s3cret@"+host+"/hook/t0ken?key=k3y", nil))
	for what, err := range map[string]error{"Handle": l.Handle(t.Context(), event([]byte(`{}`))), "Check": l.Check(t.Context())} {
		if err == nil || !strings.Contains(err.Error(), host) {
			t.Fatalf("%s = %v, want an error that names the host", what, err)
		}
		for _, secret := range []string{"ana", "s3cret", "t0ken", "k3y"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s tells %q: %v", what, secret, err)
			}
		}
	}
}

func TestPasswordOfTheAddressIsSent(t *testing.T) {
	r := &receiver{}
	r.Server = httptest.NewTLSServer(r.handler(nil))
	defer r.Close()
	u, _ := url.Parse(r.URL)
	u.User = url.UserPassword("ana", "s3cret")
	l := configured(t, local(u.String(), map[string]any{"tls": map[string]any{"insecure": true}}))
	if got := l.post(t.Context(), http.Header{}, []byte("{}")); got.class != delivered {
		t.Fatalf("%+v", got)
	}
	req := http.Request{Header: r.got(t, 1)[0].header}
	if user, password, _ := req.BasicAuth(); user != "ana" || password != "s3cret" {
		t.Errorf("Authorization = %s:%s", user, password)
	}
}

func TestOwnAuthorityAndClientCertificate(t *testing.T) {
	dir := t.TempDir()
	clientPool := writePair(t, dir, "client")
	r := &receiver{}
	r.Server = httptest.NewUnstartedServer(r.handler(nil))
	r.Config.ErrorLog = log.New(io.Discard, "", 0)
	r.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clientPool}
	r.StartTLS()
	defer r.Close()
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	client := map[string]any{"cert_file": filepath.Join(dir, "client.pem"), "key_file": filepath.Join(dir, "client.key")}
	with := func(more map[string]any, key, value string) map[string]any {
		m := map[string]any{key: value}
		for k, v := range more {
			m[k] = v
		}
		return m
	}
	tests := []struct {
		name string
		tls  map[string]any
		want class
	}{
		{"both", with(client, "ca_file", ca), delivered},
		{"without a client certificate", map[string]any{"ca_file": ca}, retry},
		{"without the authority", client, unavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := configured(t, local(r.URL, map[string]any{"tls": tt.tls}))
			if got := l.post(t.Context(), http.Header{}, []byte("{}")); got.class != tt.want {
				t.Errorf("%+v, want class %d", got, tt.want)
			}
			// Without a client certificate, TLS 1.3 refuses only after the handshake.
			if err := l.Check(t.Context()); (err == nil) != (tt.want != unavailable) {
				t.Errorf("Check = %v", err)
			}
		})
	}
}

// writePair makes a self-signed certificate in dir and returns a pool that trusts it.
func writePair(t *testing.T, dir, name string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(cert)
	return pool
}

// Go never uses a proxy for this machine's own addresses, so the receiver has a
// name that only a proxy could know.
func TestProxy(t *testing.T) {
	proxy := newReceiver(t, nil)
	block := map[string]any{"url": "http://receiver.invalid/hook", "network": "any"}
	block["proxy"] = proxy.URL
	l := configured(t, block)
	if err := l.Check(t.Context()); err != nil {
		t.Errorf("Check = %v", err)
	}
	proxy.got(t, 0)
	if got := l.post(t.Context(), http.Header{}, []byte("{}")); got.class != delivered {
		t.Errorf("with proxy: %+v, want class %d", got, delivered)
	}
	if got := proxy.got(t, 1)[0].path; got != "http://receiver.invalid/hook" {
		t.Errorf("the proxy was asked for %s", got)
	}
}

// Check connects and says nothing.
func TestCheckSendsNothing(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	heard := make(chan []byte, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			heard <- []byte(err.Error())
			return
		}
		defer conn.Close()
		all, _ := io.ReadAll(conn)
		heard <- all
	}()
	l := configured(t, local("http://"+ln.Addr().String(), nil))
	if err := l.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := <-heard; len(got) > 0 {
		t.Errorf("Check sent %q", got)
	}
}

func TestSchemeThatDoesNotFitThePort(t *testing.T) {
	r := newReceiver(t, nil)
	l := configured(t, local(strings.Replace(r.URL, "http:", "https:", 1), nil))
	if got := l.post(t.Context(), http.Header{}, []byte("{}")); got.class != unavailable {
		t.Errorf("https to an http port: %+v, want class %d", got, unavailable)
	}
}
