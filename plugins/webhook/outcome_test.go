package main

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/earshot-host/earshot/sdk"
)

// Every status that a receiver can answer, through a real server.
func TestEveryStatus(t *testing.T) {
	r := newReceiver(t, func(w http.ResponseWriter, req *http.Request) {
		status, _ := strconv.Atoi(req.URL.Query().Get("status"))
		w.WriteHeader(status)
	})
	l := configured(t, local(r.URL, nil))
	strict := configured(t, local(r.URL, map[string]any{"permanent_4xx": true}))
	want := func(status int, strict bool) class {
		switch {
		case status < 300:
			return delivered
		case status < 400, status == 410, status == 429, status == 407:
			return unavailable
		case status == 408, status == 425, status >= 500:
			return retry
		case strict:
			return permanent
		case status == 401, status == 403, status == 404, status == 405:
			return unavailable
		}
		return retry
	}
	for status := 200; status < 600; status++ {
		for _, l := range []*Listener{l, strict} {
			l.cfg.url.RawQuery = fmt.Sprint("status=", status)
			got := l.post(t.Context(), http.Header{}, nil)
			if want := want(status, l == strict); got.class != want {
				t.Errorf("status %d, permanent_4xx %t = class %d, want %d", status, l == strict, got.class, want)
			}
			if got.class != delivered && !strings.Contains(got.what, fmt.Sprint(status)) {
				t.Errorf("status %d: the error %q does not name it", status, got.what)
			}
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 27, 14, 0, 0, 0, time.UTC)
	tests := []struct {
		name, header string
		want         time.Duration
	}{
		{"none", "", 0},
		{"seconds", "120", 2 * time.Minute},
		{"zero", "0", 0},
		{"negative", "-5", 0},
		{"too many seconds", "86400", time.Hour},
		{"more than a duration holds", "9223372036854775807", time.Hour},
		{"more than a number holds", "99999999999999999999", 0},
		{"a date", "Tue, 27 Jan 2026 14:30:00 GMT", 30 * time.Minute},
		{"a date that is over", "Tue, 27 Jan 2026 13:30:00 GMT", 0},
		{"a date far away", "Tue, 27 Jan 2099 13:30:00 GMT", time.Hour},
		{"nonsense", "soon", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", tt.header)
				w.WriteHeader(http.StatusServiceUnavailable)
			})
			l := configured(t, local(r.URL, nil))
			l.now = func() time.Time { return now }
			got := l.post(t.Context(), http.Header{}, nil)
			if got.class != retry || got.after != tt.want {
				t.Errorf("outcome = class %d after %s, want %d after %s", got.class, got.after, retry, tt.want)
			}
		})
	}
}

func TestHowLongTheEndpointIsHeld(t *testing.T) {
	tests := []struct {
		name       string
		status     int
		retryAfter string
		want       time.Duration
	}{
		{"gone", 410, "", 24 * time.Hour},
		{"too many requests", 429, "", 30 * time.Second},
		{"too many requests, soon", 429, "1", 30 * time.Second},
		{"too many requests, later", 429, "300", 5 * time.Minute},
		{"unauthorized", 401, "", 0},
		{"moved", 301, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", tt.retryAfter)
				w.WriteHeader(tt.status)
			})
			got := configured(t, local(r.URL, nil)).post(t.Context(), http.Header{}, nil)
			if got.class != unavailable || got.after != tt.want {
				t.Errorf("outcome = class %d after %s, want %d after %s", got.class, got.after, unavailable, tt.want)
			}
		})
	}
}

func TestOutcomeAsError(t *testing.T) {
	if err := (outcome{class: delivered}).err(); err != nil {
		t.Errorf("delivered = %v, want nil", err)
	}
	for c, want := range map[class]bool{retry: false, permanent: true, unavailable: false} {
		for _, after := range []time.Duration{0, time.Minute} {
			err := outcome{c, after, "said"}.err()
			if err == nil || err.Error() != "said" || sdk.IsPermanent(err) != want {
				t.Errorf("class %d = %v, permanent %t, want %t", c, err, sdk.IsPermanent(err), want)
			}
		}
	}
}
