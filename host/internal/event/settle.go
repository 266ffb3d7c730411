package event

import (
	"fmt"
	"math"
	"time"
)

// Policy says how often and when a delivery is tried again.
type Policy struct {
	// MaxAttempts of zero leaves the limit to the event's row, and to
	// DefaultMaxAttempts where the row has none.
	MaxAttempts int
	// First is the wait after the first failed attempt, Factor what each next
	// wait is multiplied by, Max the longest wait.
	First  time.Duration
	Factor float64
	Max    time.Duration
	// Jitter is the share of a wait that is random, 0 to 1.
	Jitter float64
}

// Limits that hold whatever the policy says.
const (
	DefaultMaxAttempts = 3
	// MaxLost is how many times one delivery may take a plugin down.
	MaxLost = 3
	// HoldFor is how long an unavailable listener is left alone when it does not say.
	HoldFor = time.Minute

	minRetryAfter = time.Second
	maxRetryAfter = 24 * time.Hour
)

// DefaultPolicy is the policy of a listener that sets none.
func DefaultPolicy() Policy {
	return Policy{First: 30 * time.Second, Factor: 3, Max: 6 * time.Hour, Jitter: 0.2}
}

// State is where a delivery stands.
type State string

// A delivery is Open until it ends in one of the others.
const (
	Open State = "open"
	Done State = "delivered"
	Skip State = "skipped"
	Dead State = "dead"
)

// Settlement is a delivery's next state, ready to be recorded.
type Settlement struct {
	State State
	// DueIn is the wait before the next attempt; meaningful while Open.
	DueIn       time.Duration
	Attempts    int
	Lost        int
	Redelivered bool
	// Error is why the attempt did not deliver; empty if it did.
	Error string
	// Failed says that the attempt belongs in the log of what went wrong.
	Failed bool
	// Hold asks to leave the listener alone for DueIn.
	Hold bool
}

// Settle decides what an outcome makes of a delivery. random is in [0, 1) and
// spreads retries.
func Settle(d Delivery, o Outcome, p Policy, random float64) Settlement {
	s := Settlement{
		State: Open, Attempts: d.Attempts, Lost: d.Lost,
		Redelivered: d.Redelivered, Error: o.Reason, Failed: true,
	}
	switch o.Code {
	case Delivered:
		s.State, s.Attempts, s.Error, s.Failed = Done, d.Attempts+1, "", false
	case Skipped:
		s.State, s.Attempts, s.Failed = Skip, d.Attempts+1, false
	case Rejected:
		s.State, s.Attempts = Dead, d.Attempts+1
	case Unavailable:
		s.DueIn, s.Hold = clampRetryAfter(o.RetryAfter, HoldFor), true
	case Returned:
		s.Failed = false
	case Interrupted:
		s.Redelivered, s.Failed = true, false
	case Lost:
		s.Lost, s.Redelivered = d.Lost+1, true
		s.DueIn = p.Backoff(s.Lost, random)
		if s.Lost >= MaxLost {
			s.State = Dead
			s.Error = fmt.Sprintf("took the plugin down %d times, last: %s", s.Lost, o.Reason)
		}
	case Retry, Unknown:
		s.Attempts = d.Attempts + 1
		s.Redelivered = d.Redelivered || o.Code == Unknown
		s.DueIn = clampRetryAfter(o.RetryAfter, p.Backoff(s.Attempts, random))
		if limit := p.Attempts(d.Event); s.Attempts >= limit {
			s.State = Dead
			s.Error = fmt.Sprintf("gave up after %d of %d attempts: %s", s.Attempts, limit, o.Reason)
		}
	}
	return s
}

// Attempts returns how many attempts ev gets under p.
func (p Policy) Attempts(ev Event) int {
	switch {
	case p.MaxAttempts > 0:
		return p.MaxAttempts
	case ev.MaxAttempts > 0:
		return ev.MaxAttempts
	}
	return DefaultMaxAttempts
}

// Backoff returns the wait after the n-th failure, n from 1. random is in
// [0, 1) and moves the wait by up to Jitter either way.
func (p Policy) Backoff(n int, random float64) time.Duration {
	wait := float64(p.First) * math.Pow(p.Factor, float64(n-1))
	wait = min(wait, float64(p.Max))
	wait *= 1 + p.Jitter*(2*random-1)
	return time.Duration(wait)
}

// clampRetryAfter keeps a listener's own wish within bounds; without one the
// fallback stands.
func clampRetryAfter(wish, fallback time.Duration) time.Duration {
	if wish <= 0 {
		return fallback
	}
	return min(max(wish, minRetryAfter), maxRetryAfter)
}
