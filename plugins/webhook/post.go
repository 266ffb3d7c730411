package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/earshot-host/earshot/sdk"
)

// maxAnswer is how many bytes of an answer, and of its headers, are read.
const maxAnswer = 64 << 10

// client is built once: it keeps connections open between events.
func (c *config) client() *http.Client {
	transport := &http.Transport{
		DialContext:            c.dialer().DialContext,
		TLSClientConfig:        c.TLS.config(),
		TLSHandshakeTimeout:    c.ConnectTimeout.Std(),
		MaxResponseHeaderBytes: maxAnswer,
		// A packed answer could be small on the wire and huge in memory.
		DisableCompression:  true,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 4,
	}
	if c.proxy != nil {
		transport.Proxy = http.ProxyURL(c.proxy)
	}
	return &http.Client{
		Transport: transport,
		// Whoever answers must not choose where the event goes next.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (c *config) dialer() *net.Dialer {
	return &net.Dialer{Timeout: c.ConnectTimeout.Std(), Control: c.guard.control, Resolver: c.resolver}
}

// post sends one body and sorts what came of it.
func (l *Listener) post(ctx context.Context, header http.Header, body []byte) outcome {
	ctx, cancel := context.WithTimeoutCause(ctx, l.cfg.Timeout.Std(), fmt.Errorf("no answer in %s", l.cfg.Timeout))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.cfg.url.String(), bytes.NewReader(body))
	if err != nil {
		return l.cfg.byError(err)
	}
	req.Header = header
	res, err := l.client.Do(req)
	if err != nil {
		return l.cfg.byError(err)
	}
	defer res.Body.Close()
	// Read on, so that the connection can be used again. An answer that breaks
	// off here changes nothing: its status has told all.
	answer, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	// It may repeat the payload, so it belongs in no error and no higher level.
	sdk.Logger(ctx).Debug("endpoint answered", "status", res.StatusCode, "answer", string(answer[:min(len(answer), 1<<10)]))
	return l.cfg.byStatus(res.StatusCode, res.Header, l.now())
}

// Check connects to the receiver, or to the proxy before it, and sends nothing.
func (l *Listener) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, l.cfg.Timeout.Std(), fmt.Errorf("no connection in %s", l.cfg.Timeout))
	defer cancel()
	target, secure := l.cfg.url, l.cfg.TLS.config()
	if l.cfg.proxy != nil {
		target, secure = l.cfg.proxy, &tls.Config{}
	}
	var conn net.Conn
	var err error
	if target.Scheme == "https" {
		conn, err = (&tls.Dialer{NetDialer: l.cfg.dialer(), Config: secure}).DialContext(ctx, "tcp", hostPort(target))
	} else {
		conn, err = l.cfg.dialer().DialContext(ctx, "tcp", hostPort(target))
	}
	if err != nil {
		return fmt.Errorf("connect to %s://%s: %w", target.Scheme, target.Host, err)
	}
	return conn.Close()
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = u.Scheme // the dialer knows the ports of http and https by name
	}
	return net.JoinHostPort(u.Hostname(), port)
}
