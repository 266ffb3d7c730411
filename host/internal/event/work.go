package event

import "time"

// Due says where there is work now.
type Due struct {
	// Events: at least one pending event is due.
	Events bool
	// Listeners by name; one without a due delivery and without a hold is absent.
	Listeners map[string]DueListener
}

// DueListener is how one listener stands.
type DueListener struct {
	// Due: at least one of its deliveries is due.
	Due bool
	// Held: nothing may be delivered now, on any host.
	Held bool
	// Probing: a hold has ended and nothing has been delivered since. One
	// delivery goes first; the rest follow when it has worked.
	Probing bool
}

// Claim is what one call took from the queue.
type Claim struct {
	// Events is how many events left "pending"; as many as asked for means
	// that there may be more.
	Events int
	// Refused is how many of them could not be routed.
	Refused int
	// Deliveries are leased to this host.
	Deliveries []Delivery
}

// Take asks for due deliveries of one listener.
type Take struct {
	Listener string
	// Limit is how many at most.
	Limit int
	// Ordered: the listener has ordering keys.
	Ordered bool
	Rate    Rate
}

// Taken is the answer to a Take.
type Taken struct {
	Deliveries []Delivery
	// Passed is how many due deliveries were looked at and put back, since an
	// earlier one with their ordering key comes first.
	Passed int
	// Wait is when the rate allows the next delivery; zero when it allows one
	// now, or nothing is waiting.
	Wait time.Duration
}

// Settled is one attempt that has ended, with what was decided about it.
type Settled struct {
	Delivery Delivery
	Outcome  Outcome
	Settlement
}
