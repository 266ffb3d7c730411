package event

import "time"

// Code is what an attempt came to.
type Code int

// The zero Code is Unknown: the wire broke or the deadline passed, and nobody
// can say whether the listener did its work.
const (
	Unknown Code = iota
	Delivered
	Skipped
	Retry
	Rejected
	// Unavailable: the listener is broken, not the event.
	Unavailable
	// Lost: the plugin's process ended during the attempt.
	Lost
	// Returned: the host stopped before the call began, and gives it back.
	Returned
	// Interrupted: the host stopped during the call; it may have been delivered.
	Interrupted
)

var codeNames = [...]string{"unknown", "delivered", "skipped", "retry", "rejected", "unavailable", "lost", "returned", "interrupted"}

func (c Code) String() string {
	if c < 0 || int(c) >= len(codeNames) {
		return "unknown"
	}
	return codeNames[c]
}

// Outcome is the answer to one attempt.
type Outcome struct {
	Code Code
	// Reason is for people; empty with Delivered.
	Reason string
	// RetryAfter is the listener's own wish; zero leaves it to the backoff.
	RetryAfter time.Duration
	ExternalID string
	// Receipts are the ones that this attempt added.
	Receipts []Receipt
}
