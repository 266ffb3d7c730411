package event_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/earshot-host/earshot/host/internal/event"
)

func TestSettle(t *testing.T) {
	policy := event.Policy{MaxAttempts: 3, First: time.Minute, Factor: 2, Max: 3 * time.Minute}
	tests := []struct {
		name     string
		delivery event.Delivery
		outcome  event.Outcome
		policy   event.Policy
		want     event.Settlement
	}{
		{"delivered", event.Delivery{}, event.Outcome{Code: event.Delivered}, policy,
			event.Settlement{State: event.Done, Attempts: 1}},
		{"skipped keeps its reason", event.Delivery{}, event.Outcome{Code: event.Skipped, Reason: "no phone"}, policy,
			event.Settlement{State: event.Skip, Attempts: 1, Error: "no phone"}},
		{"rejected is dead at once", event.Delivery{}, event.Outcome{Code: event.Rejected, Reason: "no mailbox"}, policy,
			event.Settlement{State: event.Dead, Attempts: 1, Error: "no mailbox", Failed: true}},
		{"first retry waits First", event.Delivery{}, event.Outcome{Code: event.Retry, Reason: "busy"}, policy,
			event.Settlement{State: event.Open, DueIn: time.Minute, Attempts: 1, Error: "busy", Failed: true}},
		{"second retry waits longer", event.Delivery{Attempts: 1}, event.Outcome{Code: event.Retry, Reason: "busy"}, policy,
			event.Settlement{State: event.Open, DueIn: 2 * time.Minute, Attempts: 2, Error: "busy", Failed: true}},
		{"the listener's own wait counts", event.Delivery{}, event.Outcome{Code: event.Retry, Reason: "busy", RetryAfter: time.Hour}, policy,
			event.Settlement{State: event.Open, DueIn: time.Hour, Attempts: 1, Error: "busy", Failed: true}},
		{"within a day", event.Delivery{}, event.Outcome{Code: event.Retry, Reason: "busy", RetryAfter: 999 * time.Hour}, policy,
			event.Settlement{State: event.Open, DueIn: 24 * time.Hour, Attempts: 1, Error: "busy", Failed: true}},
		{"and a second at least", event.Delivery{}, event.Outcome{Code: event.Retry, Reason: "busy", RetryAfter: 1}, policy,
			event.Settlement{State: event.Open, DueIn: time.Second, Attempts: 1, Error: "busy", Failed: true}},
		{"attempts run out", event.Delivery{Attempts: 2}, event.Outcome{Code: event.Retry, Reason: "busy"}, policy,
			event.Settlement{State: event.Dead, DueIn: 3 * time.Minute, Attempts: 3, Error: "gave up after 3 of 3 attempts: busy", Failed: true}},
		{"the row's own limit", event.Delivery{Event: event.Event{MaxAttempts: 1}}, event.Outcome{Code: event.Retry, Reason: "busy"}, event.Policy{First: 1, Factor: 1, Max: 1},
			event.Settlement{State: event.Dead, DueIn: 1, Attempts: 1, Error: "gave up after 1 of 1 attempts: busy", Failed: true}},
		{"no limit anywhere is three", event.Delivery{Attempts: 2}, event.Outcome{Code: event.Retry, Reason: "busy"}, event.Policy{First: 1, Factor: 1, Max: 1},
			event.Settlement{State: event.Dead, DueIn: 1, Attempts: 3, Error: "gave up after 3 of 3 attempts: busy", Failed: true}},
		{"unknown spends an attempt and is marked", event.Delivery{}, event.Outcome{Code: event.Unknown, Reason: "no answer in 30s"}, policy,
			event.Settlement{State: event.Open, DueIn: time.Minute, Attempts: 1, Redelivered: true, Error: "no answer in 30s", Failed: true}},
		{"unavailable spends none and holds", event.Delivery{Attempts: 2}, event.Outcome{Code: event.Unavailable, Reason: "wrong password"}, policy,
			event.Settlement{State: event.Open, DueIn: event.HoldFor, Attempts: 2, Error: "wrong password", Failed: true, Hold: true}},
		{"a crash is lost, not failed", event.Delivery{Attempts: 2}, event.Outcome{Code: event.Lost, Reason: "exit code 3"}, policy,
			event.Settlement{State: event.Open, DueIn: time.Minute, Attempts: 2, Lost: 1, Redelivered: true, Error: "exit code 3", Failed: true}},
		{"three crashes are enough", event.Delivery{Lost: 2}, event.Outcome{Code: event.Lost, Reason: "exit code 3"}, policy,
			event.Settlement{State: event.Dead, DueIn: 3 * time.Minute, Lost: 3, Redelivered: true, Error: "took the plugin down 3 times, last: exit code 3", Failed: true}},
		{"returned changes nothing", event.Delivery{Attempts: 1, Lost: 1}, event.Outcome{Code: event.Returned}, policy,
			event.Settlement{State: event.Open, Attempts: 1, Lost: 1}},
		{"interrupted is marked", event.Delivery{}, event.Outcome{Code: event.Interrupted}, policy,
			event.Settlement{State: event.Open, Redelivered: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := event.Settle(tt.delivery, tt.outcome, tt.policy, 0.5)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBackoffJitterStaysWithinItsShare(t *testing.T) {
	p := event.Policy{First: 100 * time.Second, Factor: 3, Max: 200 * time.Second, Jitter: 0.2}
	for _, tt := range []struct {
		n      int
		random float64
		want   time.Duration
	}{{1, 0, 80 * time.Second}, {1, 0.5, 100 * time.Second}, {1, 1, 120 * time.Second}, {2, 0.5, 200 * time.Second}, {5000, 0.5, 200 * time.Second}} {
		if got := p.Backoff(tt.n, tt.random); got != tt.want {
			t.Errorf("Backoff(%d, %v) = %s, want %s", tt.n, tt.random, got, tt.want)
		}
	}
}
