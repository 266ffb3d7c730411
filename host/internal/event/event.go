// Package event holds the words that all parts of the host share, and the pure
// rules about them. It uses nothing but the standard library and does no I/O.
package event

import "time"

// Event is one row of the queue.
type Event struct {
	ID   int64
	Name string
	// Payload is nil when the row holds more than the queue's limit; Size tells.
	Payload []byte
	// Size is the payload's length in bytes as stored.
	Size int64
	// MaxAttempts is the row's own limit; zero when the row has none.
	MaxAttempts int
	// OccurredAt is when the application wrote the row; zero if it did not say.
	OccurredAt time.Time
}

// Plan says what becomes of an event: who is told, or why nobody can be.
type Plan struct {
	// Targets is empty for an event that is known and told to nobody.
	Targets []Target
	// Refused is why the event cannot be routed; it ends failed with this text.
	Refused string
}

// Target is one listener of an event.
type Target struct {
	Listener string
	// OrderingKey puts deliveries of equal keys strictly one after the other;
	// empty for no order.
	OrderingKey string
	// Lease asks for the delivery to be claimed by this host at once; without
	// it the delivery waits in the queue for whoever has a free slot.
	Lease bool
}

// Delivery is one event on its way to one listener: the unit of work, of retry
// and of the delivery log.
type Delivery struct {
	ID       int64
	Event    Event
	Listener string
	// Attempts counts the attempts that ended with an answer.
	Attempts int
	// Lost counts the attempts that took the plugin down.
	Lost int
	// Redelivered says that an earlier attempt ended without an answer.
	Redelivered bool
	Receipts    []Receipt
	// OrderingKey is what Target.OrderingKey was when the delivery was laid out.
	OrderingKey string
	// Token fences the claim: what is recorded under another token changes nothing.
	Token string
}

// Suspect reports whether d has been part of a crash: it must run alone, so
// that another crash tells who is to blame.
func (d Delivery) Suspect() bool { return d.Lost > 0 }

// Receipt says that somebody was told; a retry does not tell them again.
type Receipt struct {
	Key        string `json:"key"`
	ExternalID string `json:"external_id,omitempty"`
}
