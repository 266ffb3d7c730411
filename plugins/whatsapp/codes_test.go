package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Every code of Meta's that is known, through a server.
func TestEveryCodeOfMeta(t *testing.T) {
	groups := []struct {
		class class
		after time.Duration
		codes []int
	}{
		{retry, 0, []int{1, 2, 131000, 131016, 133004, 133005}},
		{retry, time.Minute, []int{131057}},
		{slow, time.Minute, []int{4, 80007, 130429}},
		{slow, time.Hour, []int{131048}},
		{retry, 4 * time.Second, []int{131056}},
		{retry, 6 * time.Hour, []int{131049}},
		{retry, 24 * time.Hour, []int{130472}},
		{permanent, 0, []int{131026, 131030, 131021, 131050, 131051, 131052, 131053, 100, 131008, 131009}},
		{window, 0, []int{131047}},
		{unavailable, 0, []int{0, 3, 10, 33, 190, 200, 210, 250, 299, 131005, 131045, 133010}},
		{unavailable, time.Hour, []int{368, 130497, 131031, 131037, 131042}},
		{badTemplate, 6 * time.Hour, []int{132000, 132001, 132005, 132007, 132012, 132015, 132016, 132018, 132068, 132069}},
	}
	for _, g := range groups {
		for _, code := range g.codes {
			// Meta asks to go by the code, whatever the HTTP status.
			for _, status := range []int{400, 500} {
				f := newFakeMeta(t)
				f.script(customer, coded(status, code))
				l := configured(t, block(f.URL, nil))
				_, got := l.provider.sendTemplate(t.Context(), "+"+customer, &filled{name: "x", language: "en"})
				if got == nil {
					t.Fatalf("code %d was taken for a success", code)
				}
				got.atAttempt(1)
				if got.class != g.class || got.after != g.after {
					t.Errorf("code %d = class %d after %s, want %d after %s", code, got.class, got.after, g.class, g.after)
				}
				if !strings.Contains(got.what, fmt.Sprint("code ", code, " ")) || !strings.Contains(got.what, "AbCdEf") {
					t.Errorf("code %d: %q names neither code nor trace", code, got.what)
				}
				if _, advice, ok := strings.Cut(got.what, "): "); !ok || len(advice) < 20 {
					t.Errorf("code %d: %q does not say what to do", code, got.what)
				}
				noNumbers(t, fmt.Errorf("%s", got.what))
			}
		}
	}
}

func TestSubcode33IsAboutUs(t *testing.T) {
	f := newFakeMeta(t)
	l := configured(t, block(f.URL, map[string]any{"phone_number_id": "9999"}))
	if got := verdictOf(l.Handle(t.Context(), event(t, "saved"))); got != "unavailable" {
		t.Errorf("a number that does not exist = %s, want unavailable", got)
	}
}

// A failure that grows with the attempts.
func TestAtAttempt(t *testing.T) {
	f := metaCode(1, 0)
	if f.atAttempt(1); f.class != retry {
		t.Error("code 1 is given up at the first attempt")
	}
	if f.atAttempt(2); f.class != permanent {
		t.Error("code 1 is not given up at the second attempt")
	}
	p := metaCode(131056, 0)
	for attempt, want := range map[int]time.Duration{1: 4 * time.Second, 2: 16 * time.Second, 3: 64 * time.Second, 9: 4096 * time.Second} {
		if p.atAttempt(attempt); p.after != want {
			t.Errorf("131056 at attempt %d = %s, want %s", attempt, p.after, want)
		}
	}
}

// HTTP statuses of a proxy or a server without a code.
func TestStatusesWithoutACode(t *testing.T) {
	want := func(status int) class {
		switch {
		case status == 429:
			return slow
		case status < 400, status == 401, status == 403, status == 404:
			return unavailable
		case status == 504:
			return unknown
		}
		return retry
	}
	for status := 300; status < 600; status++ {
		f := newFakeMeta(t)
		f.script(customer, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		_, got := configured(t, block(f.URL, nil)).provider.sendText(t.Context(), "+"+customer, "x")
		if got == nil || got.class != want(status) {
			t.Errorf("status %d = %+v, want class %d", status, got, want(status))
		}
		f.Close()
	}
}

func TestRetryAfterSlowsTheChannel(t *testing.T) {
	for header, want := range map[string]time.Duration{"": time.Minute, "300": 5 * time.Minute, "soon": time.Minute, "99999": time.Hour} {
		f := newFakeMeta(t)
		f.script(customer, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", header)
			coded(429, 130429)(w, r)
		})
		_, got := configured(t, block(f.URL, nil)).provider.sendText(t.Context(), "+"+customer, "x")
		if got == nil || got.class != slow || got.after != want {
			t.Errorf("Retry-After %q = %+v, want slow after %s", header, got, want)
		}
	}
}

// What the classes become for the host, alone and together.
func TestVerdict(t *testing.T) {
	f := func(c class, after time.Duration) *failure { return &failure{class: c, after: after, what: "x"} }
	tests := []struct {
		failures []*failure
		want     string
	}{
		{nil, "delivered"},
		{[]*failure{f(retry, time.Minute)}, "retry"},
		{[]*failure{f(badTemplate, time.Hour)}, "retry"},
		{[]*failure{f(slow, time.Minute)}, "unavailable"},
		{[]*failure{f(unavailable, 0)}, "unavailable"},
		{[]*failure{f(permanent, 0)}, "permanent"},
		{[]*failure{f(permanent, 0), f(retry, time.Minute)}, "retry"},
		{[]*failure{f(retry, time.Minute), f(permanent, 0)}, "retry"},
		{[]*failure{f(permanent, 0), f(slow, time.Minute)}, "unavailable"},
		{[]*failure{f(retry, time.Minute), f(unavailable, 0)}, "unavailable"},
	}
	for i, tt := range tests {
		if got := verdictOf(verdict(tt.failures)); got != tt.want {
			t.Errorf("case %d = %s, want %s", i, got, tt.want)
		}
	}
}
