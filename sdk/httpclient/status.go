package httpclient

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/earshot-host/earshot/sdk"
)

// StatusError is an answer that says no.
type StatusError struct {
	Host   string
	Status int
	// RetryAfter is what the provider asked for; zero if it did not.
	RetryAfter time.Duration
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s answered %d %s", e.Host, e.Status, http.StatusText(e.Status))
}

// sorted turns an answer into an outcome.
func sorted(e *StatusError) error {
	switch s := e.Status; {
	case s >= 200 && s < 300:
		return nil
	case s == http.StatusTooManyRequests, s == http.StatusServiceUnavailable:
		return sdk.RetryAfter(e, e.RetryAfter)
	case s == http.StatusRequestTimeout, s == http.StatusTooEarly, s >= 500:
		return e
	case s == http.StatusUnauthorized, s == http.StatusForbidden, s == http.StatusProxyAuthRequired:
		return sdk.Unavailable(e, 0)
	default:
		return sdk.Permanent(e)
	}
}

// retryAfter reads the header's two forms: seconds, or a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	// The host keeps any wait within a day; more digits would overflow.
	if n, err := strconv.ParseUint(value, 10, 32); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
