package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/earshot-host/earshot/sdk"
)

// class is what can be done about an event that was not taken.
type class int

// The classes; zero is none of them.
const (
	delivered   class = iota + 1
	retry             // the same event may pass later
	permanent         // no retry can mend it
	unavailable       // the endpoint is at fault, not the event: hold all events
)

// outcome is what became of one attempt, in words that name no payload.
type outcome struct {
	class class
	// after is how long to wait; 0 leaves it to the host.
	after time.Duration
	what  string
}

// err is the outcome in the host's terms.
func (o outcome) err() error {
	err := errors.New(o.what)
	switch {
	case o.class == delivered:
		return nil
	case o.class == permanent:
		return sdk.Permanent(err)
	case o.class == unavailable:
		return sdk.Unavailable(err, o.after)
	case o.after > 0:
		return sdk.RetryAfter(err, o.after)
	}
	return err
}

// byStatus sorts the answer of a receiver.
func (c *config) byStatus(status int, header http.Header, now time.Time) outcome {
	said := fmt.Sprintf("%s answered %d %s", c.host(), status, http.StatusText(status))
	said = strings.TrimSpace(said)
	after := c.retryAfter(header, now)
	switch {
	case status >= 200 && status <= 299:
		return outcome{class: delivered}
	case status >= 300 && status <= 399:
		return outcome{unavailable, after, said + movedTo(header) + ": redirects are never followed, set url to the final address"}
	case status == http.StatusGone:
		return outcome{unavailable, 24 * time.Hour, said + ": the receiver wants no more events, take the listener out of events.yaml or set a new url"}
	case status == http.StatusTooManyRequests:
		return outcome{unavailable, max(after, 30*time.Second), said + ": the endpoint is left alone for a while; set rate: for this listener if it comes often"}
	case status == http.StatusProxyAuthRequired:
		return outcome{unavailable, 0, said + ": put the user and password of the proxy into proxy:"}
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status >= 500:
		return outcome{retry, after, said}
	case status >= 400 && c.Permanent4xx:
		return outcome{permanent, 0, said + ": not tried again, as permanent_4xx says"}
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return outcome{unavailable, after, said + ": check secrets and headers, and that the receiver knows them"}
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return outcome{unavailable, after, said + ": check url, and that the receiver is switched on for POST"}
	case http.StatusRequestEntityTooLarge:
		return outcome{retry, after, said + ": send less with include or redact"}
	}
	// Receivers are often broken for an hour after a release: a refusal is not the last word.
	return outcome{retry, after, said + ": the receiver does not like this event, look into its log"}
}

// byError sorts an attempt that got no answer.
func (c *config) byError(err error) outcome {
	var cert *tls.CertificateVerificationError
	// The client wraps every error in one that repeats the whole address.
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	what := fmt.Sprintf("post to %s: %v", c.host(), err)
	switch {
	case errors.Is(err, errAddress):
		return outcome{class: unavailable, what: what}
	case errors.As(err, &cert):
		return outcome{class: unavailable, what: what + ": set tls.ca_file if the receiver's authority is your own"}
	case errors.Is(err, http.ErrSchemeMismatch):
		return outcome{class: unavailable, what: what + ": the receiver does not speak TLS there, check scheme and port of url"}
	}
	return outcome{class: retry, what: what}
}

// host is as much of the address as may be shown.
func (c *config) host() string { return c.url.Scheme + "://" + c.url.Host }

// retryAfter reads the header as seconds or as a date, and caps it. It is zero
// if there is none, or one that makes no sense.
func (c *config) retryAfter(header http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(header.Get("Retry-After"))
	var wait time.Duration
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		wait = time.Duration(min(seconds, int64(24*time.Hour/time.Second))) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), c.MaxRetryAfter.Std())
}

// movedTo names the host that a redirect leads to, without the rest of the
// address, which may hold a token.
func movedTo(header http.Header) string {
	u, err := url.Parse(header.Get("Location"))
	if err != nil || u.Host == "" {
		return ""
	}
	return fmt.Sprintf(" and points to %s://%s", u.Scheme, u.Host)
}
