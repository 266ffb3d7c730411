// Package httpclient calls a provider's HTTP API the way that a listener
// should: bounded in time and size, without secrets in its errors, and with
// answers sorted into the outcomes of sdk.
package httpclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/earshot-host/earshot/sdk"
)

// Options change a Client; its zero value works.
type Options struct {
	// Timeout bounds one call with its answer; zero means 30s. The context
	// bounds it too.
	Timeout time.Duration
	// MaxAnswer bounds an answer's body, in bytes; zero means 1 MiB.
	MaxAnswer int64
	// UserAgent is sent with each call; empty means "earshot-listener".
	UserAgent string
	// Secrets are cut out of the texts of errors.
	Secrets []sdk.Secret
	// Transport is for tests and proxies; nil means one of the client's own.
	Transport http.RoundTripper
}

// Client makes calls; many goroutines may use it at once. Close it when the
// listener closes.
type Client struct {
	opts Options
	http *http.Client
}

// New returns a Client.
func New(opts Options) *Client {
	if opts.Timeout == 0 {
		opts.Timeout = 30 * time.Second
	}
	if opts.MaxAnswer == 0 {
		opts.MaxAnswer = 1 << 20
	}
	if opts.UserAgent == "" {
		opts.UserAgent = "earshot-listener"
	}
	if opts.Transport == nil {
		opts.Transport = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSHandshakeTimeout: 10 * time.Second,
			MaxIdleConnsPerHost: 16,
			IdleConnTimeout:     90 * time.Second,
			ForceAttemptHTTP2:   true,
		}
	}
	// A redirect would send the message again, and its credentials elsewhere.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{opts, &http.Client{Transport: opts.Transport, CheckRedirect: stay}}
}

// Close closes connections that are not in use.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Answer is what the provider answered.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do makes one call. Its error is ready to be returned from Handle:
//
//	2xx                              nil
//	408, 425, 5xx, a broken network  try again
//	429, 503                         try again when Retry-After says
//	401, 403, 407                    sdk.Unavailable: the credentials are refused
//	3xx and other 4xx                sdk.Permanent
//
// With an error that is about the status, the answer comes as well, so that
// who knows the provider better can decide otherwise; errors.As finds the
// *StatusError. Errors name the host and neither path nor query, where
// providers have people put their keys.
func (c *Client) Do(ctx context.Context, req *http.Request) (*Answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.opts.Timeout, fmt.Errorf("no answer in %s", c.opts.Timeout))
	defer cancel()
	req = req.Clone(ctx)
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", c.opts.UserAgent)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.broken(ctx, req, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, c.opts.MaxAnswer+1))
	if err != nil {
		return nil, c.broken(ctx, req, err)
	}
	a := &Answer{res.StatusCode, res.Header, body}
	if int64(len(body)) > c.opts.MaxAnswer {
		// What was asked for may have been done: the status still counts.
		a.Body = body[:c.opts.MaxAnswer]
	}
	return a, sorted(&StatusError{Host: req.URL.Host, Status: a.Status, RetryAfter: retryAfter(res.Header, time.Now())})
}

// broken is the error of a call without an answer, without its address.
func (c *Client) broken(ctx context.Context, req *http.Request, err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return &networkError{fmt.Sprintf("call %s: %s", req.URL.Host, c.redact(err.Error())), err}
}

func (c *Client) redact(text string) string {
	for _, s := range c.opts.Secrets {
		if !s.IsZero() {
			text = strings.ReplaceAll(text, s.Reveal(), "[secret]")
		}
	}
	return text
}

type networkError struct {
	text string
	err  error
}

func (e *networkError) Error() string { return e.text }
func (e *networkError) Unwrap() error { return e.err }
