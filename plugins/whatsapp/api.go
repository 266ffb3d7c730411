package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/earshot-host/earshot/sdk"
)

// maxAnswer is how many bytes of an answer are read.
const maxAnswer = 1 << 20

// api talks to a provider over HTTP.
type api struct {
	base *url.URL
	// auth adds the credentials to a request.
	auth    func(*http.Request)
	timeout time.Duration
	client  *http.Client
	now     func() time.Time
}

func newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			MaxIdleConnsPerHost: 4, TLSHandshakeTimeout: 10 * time.Second,
			ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 64 << 10,
			// A kept connection that the provider closes just now would leave a
			// message in doubt: each gets a connection of its own.
			DisableKeepAlives: true,
		},
		// A redirect would carry the token to whoever answers.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answer is what a provider said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ok reports whether the provider did what it was asked.
func (a *answer) ok() bool { return a.status >= 200 && a.status <= 299 }

// read decodes the body into v; what is no JSON leaves v as it is.
func (a *answer) read(v any) { _ = json.Unmarshal(a.body, v) }

// retryAfter is what the answer's header asks for, in whole seconds up to an hour.
func (a *answer) retryAfter() time.Duration {
	n, err := strconv.Atoi(strings.TrimSpace(a.header.Get("Retry-After")))
	if err != nil {
		return 0
	}
	return min(max(0, time.Duration(n)*time.Second), time.Hour)
}

// postJSON sends v as JSON to a path below the base.
func (a *api) postJSON(ctx context.Context, path string, v any) (*answer, *failure) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, &failure{class: permanent, what: fmt.Sprintf("write the message as JSON: %v", err)}
	}
	return a.call(ctx, http.MethodPost, path, "application/json", body)
}

// get reads a path below the base, which may have a query.
func (a *api) get(ctx context.Context, path string) (*answer, *failure) {
	return a.call(ctx, http.MethodGet, path, "", nil)
}

// call does one request. Once a part of it was written and no answer came, it
// is not known what the provider did with it: the class is then unknown.
func (a *api) call(ctx context.Context, method, path, contentType string, body []byte) (*answer, *failure) {
	// The host's own deadline and the provider's slowness end in the same way.
	ctx, cancel := context.WithTimeoutCause(ctx, a.timeout, fmt.Errorf("no answer in %s", a.timeout))
	defer cancel()
	var begun atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaderField: func(string, []string) { begun.Store(true) }})
	req, err := http.NewRequestWithContext(ctx, method, a.base.String()+path, bytes.NewReader(body))
	if err != nil {
		return nil, &failure{class: unavailable, what: "call the provider: base_url or a name in the configuration makes no address"}
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	req.Header.Set("User-Agent", "Earshot-WhatsApp")
	a.auth(req)
	res, err := a.client.Do(req)
	if err == nil {
		defer res.Body.Close()
		var read []byte
		read, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer))
		if err == nil {
			sdk.Logger(ctx).Debug("provider answered", "status", res.StatusCode, "answer", string(read[:min(len(read), 1<<10)]))
			return &answer{res.StatusCode, res.Header, read}, nil
		}
	}
	f := &failure{class: retry, what: fmt.Sprintf("call %s: %s", a.base.Host, reason(ctx, err))}
	if begun.Load() {
		f.class = unknown
	}
	return nil, f
}

// reason is why there was no answer, without the address that was called.
func reason(ctx context.Context, err error) string {
	if cause := context.Cause(ctx); cause != nil {
		return cause.Error()
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return maskNumbers(err.Error())
}

// byStatus sorts an answer whose code says nothing, by its HTTP status alone.
func (a *answer) byStatus() failure {
	switch {
	case a.status == http.StatusTooManyRequests:
		return failure{class: slow, after: max(a.retryAfter(), 30*time.Second), what: "the provider asks for fewer messages: set rate: for this listener if it comes often"}
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden:
		return failure{class: unavailable, what: "the provider does not accept the token: put a valid one into token:"}
	case a.status == http.StatusNotFound:
		return failure{class: unavailable, what: "the provider does not know the address: check base_url, api_version and the ids in the configuration"}
	case a.status >= 300 && a.status <= 399:
		return failure{class: unavailable, what: "the provider redirects: set base_url to the final address"}
	case a.status == http.StatusGatewayTimeout:
		// Behind the gateway the message may have gone out.
		return failure{class: unknown, what: "the provider's gateway got no answer in time"}
	}
	return failure{class: retry, after: a.retryAfter(), what: "the provider cannot take the message now"}
}
