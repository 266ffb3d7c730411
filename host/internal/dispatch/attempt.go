package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/registry"
)

// attempt makes one call that carries ds, and settles their outcomes. It
// reports whether the listener said that it cannot work.
func (d *Dispatcher) attempt(l *registry.Listener, ds []event.Delivery) (unavailable bool) {
	ctx, cancel := context.WithCancelCause(d.calls)
	defer cancel(nil)
	mine := ds
	if lost := d.held.begin(ds, cancel); len(lost) > 0 {
		d.giveBack(lost)
		mine = without(ds, lost)
	}
	if len(mine) == 0 {
		return false
	}
	start := time.Now()
	var outcomes []event.Outcome
	if len(mine) == 1 {
		outcomes = []event.Outcome{d.deliver.Deliver(ctx, l, mine[0])}
	} else {
		outcomes = d.deliver.DeliverBatch(ctx, l, mine)
	}
	took, cause := time.Since(start), context.Cause(ctx)
	for i, o := range outcomes {
		if o.Code == event.Unknown && (errors.Is(cause, errStopping) || errors.Is(cause, errLeaseLost)) {
			o = event.Outcome{Code: event.Interrupted, Reason: cause.Error(), Receipts: o.Receipts}
		}
		d.tell(mine[i], o, took)
		d.settle(mine[i], o, l.Retry)
		unavailable = unavailable || o.Code == event.Unavailable
	}
	return unavailable
}

func without(ds, lost []event.Delivery) []event.Delivery {
	gone := make(map[int64]bool, len(lost))
	for _, d := range lost {
		gone[d.ID] = true
	}
	var kept []event.Delivery
	for _, d := range ds {
		if !gone[d.ID] {
			kept = append(kept, d)
		}
	}
	return kept
}

// tell logs an attempt: quietly when it did its work, loudly when somebody must act.
func (d *Dispatcher) tell(dl event.Delivery, o event.Outcome, took time.Duration) {
	quiet := o.Code == event.Delivered || o.Code == event.Skipped
	if quiet && !d.log.IsDebug() {
		return
	}
	facts := []any{"event_id", dl.Event.ID, "event", dl.Event.Name, "listener", dl.Listener,
		"attempt", dl.Attempts + 1, "took", took.Round(time.Millisecond)}
	if o.Reason != "" {
		facts = append(facts, "error", o.Reason)
	}
	switch o.Code {
	case event.Delivered, event.Skipped:
		d.log.Debug(o.Code.String(), facts...)
	case event.Rejected:
		d.log.Error("delivery was rejected, no retry can mend it", facts...)
	case event.Unavailable:
		d.log.Error("listener is unavailable, its deliveries wait", facts...)
	case event.Interrupted:
		d.log.Warn("delivery was interrupted", facts...)
	default:
		d.log.Warn("attempt did not deliver", append(facts, "outcome", o.Code.String())...)
	}
}
