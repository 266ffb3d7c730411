package event

import (
	"fmt"
	"time"
)

// Limits of a breaker.
const (
	// MaxHold is the longest hold that the host chooses; a listener's own wish
	// may be longer.
	MaxHold = 15 * time.Minute
	// MaxCrashes within CrashWindow hold a listener.
	MaxCrashes  = 5
	CrashWindow = 10 * time.Minute
)

// Breaker is what the database remembers of a listener's health.
type Breaker struct {
	// Holds counts holds in a row without a delivery between them.
	Holds int
	// Crashes counts crashes since Window began.
	Crashes int
	// Window is how long ago that was; meaningful with Crashes.
	Window time.Duration
	// Held: a hold has not ended yet.
	Held bool
}

// Hold is a listener left alone for a while.
type Hold struct {
	For    time.Duration
	Reason string
}

// Trip says what one commit's results make of b. unavailable is the answer of
// a listener that cannot work, nil if there was none; crashed is how the
// plugin's process ended, empty if it did not. A nil Hold leaves things as they are.
func (b Breaker) Trip(unavailable *Outcome, crashed string) (Breaker, *Hold) {
	if crashed != "" {
		if b.Window > CrashWindow {
			b.Crashes = 0
		}
		b.Crashes++
	}
	switch {
	case unavailable != nil:
		hold := &Hold{For: clampRetryAfter(unavailable.RetryAfter, b.backoff()), Reason: unavailable.Reason}
		// Calls that ran side by side say the same thing once.
		if !b.Held {
			b.Holds++
		}
		return b, hold
	case b.Crashes > MaxCrashes:
		hold := &Hold{For: b.backoff(), Reason: fmt.Sprintf("the plugin crashed %d times within %s, last: %s", b.Crashes, CrashWindow, crashed)}
		b.Crashes = 0
		b.Holds++
		return b, hold
	}
	return b, nil
}

// backoff doubles the hold each time in a row.
func (b Breaker) backoff() time.Duration {
	return min(HoldFor<<min(b.Holds, 10), MaxHold)
}
