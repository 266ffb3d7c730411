package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/earshot-host/earshot/sdk"
	"github.com/earshot-host/earshot/sdk/httpclient"
)

// api talks to a provider over HTTP.
type api struct {
	base *url.URL
	// auth adds the credentials to a request.
	auth   func(*http.Request)
	client *httpclient.Client
}

func newAPI(c *config) *api {
	return &api{base: c.base, client: httpclient.New(httpclient.Options{
		Timeout: c.Timeout.Std(), UserAgent: "Earshot-WhatsApp", Secrets: []sdk.Secret{c.Token},
		Transport: &http.Transport{
			TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 64 << 10,
			// A kept connection that the provider closes just now would leave a
			// message in doubt: each gets a connection of its own.
			DisableKeepAlives: true,
		},
	})}
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
	var begun atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaderField: func(string, []string) { begun.Store(true) }})
	req, err := http.NewRequestWithContext(ctx, method, a.base.String()+path, bytes.NewReader(body))
	if err != nil {
		return nil, &failure{class: unavailable, what: "call the provider: base_url or a name in the configuration makes no address"}
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	a.auth(req)
	// With an answer, the provider's code says more than the error about its status.
	res, err := a.client.Do(ctx, req)
	if res == nil {
		f := &failure{class: retry, what: err.Error()}
		if begun.Load() {
			f.class = unknown
		}
		return nil, f
	}
	sdk.Logger(ctx).Debug("provider answered", "status", res.Status, "answer", string(res.Body[:min(len(res.Body), 1<<10)]))
	return &answer{res.Status, res.Header, res.Body}, nil
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
