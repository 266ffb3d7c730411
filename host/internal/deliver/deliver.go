// Package deliver makes one attempt: it gives a delivery its deadline, puts it
// on the wire, and reads the answer as an outcome. It knows neither the queue
// nor how plugins are kept running.
package deliver

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/registry"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// Caller reaches listeners by their names in events.yaml.
//
// An error means that there was no answer; the outcome that comes with it, if
// any, holds the receipts that were reported before the end. The error may say
// more through errors.As:
// RetryIn() time.Duration, the listener cannot be called and when to try again;
// Exited() bool, its process ended in the middle; TooLarge() bool, the wire
// does not take a delivery of this size.
type Caller interface {
	Call(ctx context.Context, listener string, d *listenerv1.Delivery) (*listenerv1.Outcome, error)
	// CallBatch makes several deliveries in one call, and calls answer for each
	// that was answered, by its idempotency key. reported holds the receipts of
	// those that were not.
	CallBatch(ctx context.Context, listener string, ds []*listenerv1.Delivery, answer func(key string, o *listenerv1.Outcome)) (reported map[string][]*listenerv1.Receipt, err error)
	// Batches reports whether the listener's plugin takes several in one call.
	Batches(listener string) bool
}

// Deliverer makes attempts over a Caller.
type Deliverer struct{ Caller Caller }

// Deliver makes one attempt, within the listener's timeout.
func (dv Deliverer) Deliver(ctx context.Context, l *registry.Listener, d event.Delivery) event.Outcome {
	msg, refused := message(l, d)
	if msg == nil {
		return refused
	}
	ctx, cancel := context.WithTimeoutCause(ctx, l.Timeout, fmt.Errorf("no answer in %s", l.Timeout))
	defer cancel()
	answer, err := dv.Caller.Call(ctx, l.Name, msg)
	if err != nil {
		o := broken(ctx, err)
		o.Receipts = receipts(answer.GetReceipts())
		return o
	}
	return read(answer)
}

func rejected(reason string) event.Outcome {
	return event.Outcome{Code: event.Rejected, Reason: reason}
}

// message puts a delivery into the words of the wire. It is nil for one that
// cannot be, which ends as refused.
func message(l *registry.Listener, d event.Delivery) (msg *listenerv1.Delivery, refused event.Outcome) {
	if d.Event.Name == "" {
		return nil, rejected("its event is no longer in the queue: the row was deleted")
	}
	payload, err := l.Filter(d.Event.Payload)
	if err != nil {
		return nil, rejected("payload cannot be filtered: " + err.Error())
	}
	msg = &listenerv1.Delivery{
		IdempotencyKey: "ev" + strconv.FormatInt(d.Event.ID, 10) + "." + d.Listener,
		EventId:        d.Event.ID,
		EventName:      d.Event.Name,
		Payload:        payload,
		Attempt:        int32(d.Attempts + 1),
		MaxAttempts:    int32(l.Retry.Attempts(d.Event)),
		Redelivered:    d.Redelivered,
	}
	if !d.Event.OccurredAt.IsZero() {
		msg.OccurredAt = timestamppb.New(d.Event.OccurredAt)
	}
	for _, r := range d.Receipts {
		msg.Receipts = append(msg.Receipts, &listenerv1.Receipt{Key: r.Key, ExternalId: r.ExternalID})
	}
	return msg, event.Outcome{}
}

// broken reads the absence of an answer: who is at fault, and what can be known.
func broken(ctx context.Context, err error) event.Outcome {
	var unavailable interface{ RetryIn() time.Duration }
	var exited interface{ Exited() bool }
	var large interface{ TooLarge() bool }
	switch {
	case errors.As(err, &unavailable):
		return event.Outcome{Code: event.Unavailable, Reason: err.Error(), RetryAfter: unavailable.RetryIn()}
	case errors.As(err, &large) && large.TooLarge():
		return rejected(err.Error())
	case errors.As(err, &exited) && exited.Exited():
		return event.Outcome{Code: event.Lost, Reason: err.Error()}
	case ctx.Err() != nil:
		return event.Outcome{Code: event.Unknown, Reason: context.Cause(ctx).Error()}
	}
	return event.Outcome{Code: event.Unknown, Reason: err.Error()}
}

var codes = map[listenerv1.Outcome_Code]event.Code{
	listenerv1.Outcome_CODE_DELIVERED:   event.Delivered,
	listenerv1.Outcome_CODE_SKIPPED:     event.Skipped,
	listenerv1.Outcome_CODE_RETRY:       event.Retry,
	listenerv1.Outcome_CODE_REJECTED:    event.Rejected,
	listenerv1.Outcome_CODE_UNAVAILABLE: event.Unavailable,
}

// read turns an answer into an outcome. A code of a newer protocol is tried
// again: the listener may have done nothing.
func read(answer *listenerv1.Outcome) event.Outcome {
	o := event.Outcome{
		Reason:     answer.GetMessage(),
		RetryAfter: answer.GetRetryAfter().AsDuration(),
		ExternalID: answer.GetExternalId(),
		Receipts:   receipts(answer.GetReceipts()),
	}
	code, ok := codes[answer.GetCode()]
	if !ok {
		code = event.Retry
		o.Reason = fmt.Sprintf("the listener answered with code %d, which this host does not know; is its SDK newer than the host?", answer.GetCode())
	}
	if o.Reason == "" && code != event.Delivered {
		o.Reason = "the listener gave no reason"
	}
	o.Code = code
	return o
}

func receipts(list []*listenerv1.Receipt) []event.Receipt {
	var out []event.Receipt
	for _, r := range list {
		out = append(out, event.Receipt{Key: r.GetKey(), ExternalID: r.GetExternalId()})
	}
	return out
}
