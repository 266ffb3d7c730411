package dispatch

import "github.com/earshot-host/earshot/host/internal/event"

// Payloads are the bulk of what a host holds: how many are claimed at once
// depends on how large they have been.
const (
	// claimBytes is what one claim reads at most, about.
	claimBytes = 2 << 20
	// laneBytes is what one lane holds at most, about.
	laneBytes = 4 << 20
)

// weigh learns the size of payloads from what was claimed.
func (d *Dispatcher) weigh(ds []event.Delivery) {
	if len(ds) == 0 {
		return
	}
	var sum int64
	for _, dl := range ds {
		sum += dl.Event.Size
	}
	mean := sum / int64(len(ds))
	// Larger payloads count at once, smaller ones by and by.
	if have := d.payload.Load(); mean < have {
		mean = have - (have-mean)/8
	}
	d.payload.Store(mean)
}

// most is how many deliveries fit in budget bytes, n at most and one at least.
func (d *Dispatcher) most(n, budget int) int {
	return min(n, max(1, budget/int(max(d.payload.Load(), 1))))
}
