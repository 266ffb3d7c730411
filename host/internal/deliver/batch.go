package deliver

import (
	"context"
	"errors"
	"fmt"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/registry"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// Batches reports whether l takes several deliveries in one call.
func (dv Deliverer) Batches(l *registry.Listener) bool { return dv.Caller.Batches(l.Name) }

// errUnanswered is the fate of a delivery that a batch passed over.
var errUnanswered = errors.New("the listener answered the batch, but not this delivery of it")

// DeliverBatch makes one attempt at each of ds in one call, within the
// listener's timeout, and returns the outcomes in the same order.
func (dv Deliverer) DeliverBatch(ctx context.Context, l *registry.Listener, ds []event.Delivery) []event.Outcome {
	out := make([]event.Outcome, len(ds))
	index := make(map[string]int, len(ds))
	msgs := make([]*listenerv1.Delivery, 0, len(ds))
	for i, d := range ds {
		msg, refused := message(l, d)
		if msg == nil {
			out[i] = refused
			continue
		}
		index[msg.GetIdempotencyKey()] = i
		msgs = append(msgs, msg)
	}
	if len(msgs) == 0 {
		return out
	}
	ctx, cancel := context.WithTimeoutCause(ctx, l.Timeout, fmt.Errorf("no answer in %s", l.Timeout))
	defer cancel()
	reported, err := dv.Caller.CallBatch(ctx, l.Name, msgs, func(key string, o *listenerv1.Outcome) {
		if i, ok := index[key]; ok {
			out[i] = read(o)
			delete(index, key)
		}
	})
	if len(index) == 0 {
		return out
	}
	if err == nil {
		err = errUnanswered
	}
	unanswered := broken(ctx, err)
	for key, i := range index {
		out[i] = unanswered
		out[i].Receipts = receipts(reported[key])
	}
	return out
}
