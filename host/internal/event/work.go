package event

// Due says where there is work now.
type Due struct {
	// Events: at least one pending event is due.
	Events bool
	// Listeners with a due delivery, and listeners that are on hold.
	Listeners map[string]bool
	Held      map[string]bool
}

// Claim is what one call took from the queue.
type Claim struct {
	// Events is how many events left "pending"; as many as asked for means
	// that there may be more.
	Events int
	// Deliveries are leased to this host.
	Deliveries []Delivery
}

// Settled is one attempt that has ended, with what was decided about it.
type Settled struct {
	Delivery Delivery
	Outcome  Outcome
	Settlement
}
