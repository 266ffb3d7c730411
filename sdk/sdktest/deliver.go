package sdktest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-host/earshot/sdk"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// Outcome is what a listener decided.
type Outcome string

// The outcomes of the protocol.
const (
	Delivered   Outcome = "delivered"
	Skipped     Outcome = "skipped"
	Retry       Outcome = "retry"
	Rejected    Outcome = "rejected"
	Unavailable Outcome = "unavailable"
)

// Answer is what a listener answered to one attempt.
type Answer struct {
	Outcome Outcome
	Message string
	// RetryAfter is zero if the listener left it to the host.
	RetryAfter time.Duration
	ExternalID string
	// Receipts are those that this attempt added.
	Receipts []sdk.Receipt
}

// Deliver hands ev to the listener. It fills in what ev leaves zero: id 1, the
// idempotency key from the id, the next attempt of 5. An event that has been
// delivered before comes with its receipts, as from the host. The test fails at
// once if there is no answer.
func (h *Host) Deliver(ev *sdk.Event) Answer {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), Timeout)
	defer cancel()
	a, err := h.DeliverContext(ctx, ev)
	if err != nil {
		h.t.Fatalf("deliver %s: %v\n%s", ev.Name, err, h.logs)
	}
	return a
}

// DeliverContext is Deliver with a deadline or a cancellation of the test's own.
// An error is a gRPC status and means that there was no answer.
func (h *Host) DeliverContext(ctx context.Context, ev *sdk.Event) (Answer, error) {
	d := h.past.next(ev)
	res, err := h.Client.Handle(ctx, &listenerv1.HandleRequest{Delivery: d})
	if err != nil {
		return Answer{}, err
	}
	h.past.keep(d.GetIdempotencyKey(), res.GetOutcome().GetReceipts())
	return answerOf(res.GetOutcome()), nil
}

// past is what the host remembers of earlier attempts.
type past struct {
	mu       sync.Mutex
	attempts map[string]int32
	receipts map[string][]*listenerv1.Receipt
}

func (p *past) next(ev *sdk.Event) *listenerv1.Delivery {
	d := &listenerv1.Delivery{
		IdempotencyKey: ev.IdempotencyKey, EventId: ev.ID, EventName: ev.Name, Payload: ev.Payload,
		Attempt: int32(ev.Attempt), MaxAttempts: int32(ev.MaxAttempts), //nolint:gosec // numbers of a test
		Redelivered: ev.Redelivered, DryRun: ev.DryRun, Trace: ev.Trace,
	}
	if !ev.OccurredAt.IsZero() {
		d.OccurredAt = timestamppb.New(ev.OccurredAt)
	}
	if d.EventId == 0 {
		d.EventId = 1
	}
	if d.IdempotencyKey == "" {
		d.IdempotencyKey = fmt.Sprintf("ev%d.test", d.EventId)
	}
	if d.MaxAttempts == 0 {
		d.MaxAttempts = 5
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.attempts == nil {
		p.attempts, p.receipts = make(map[string]int32), make(map[string][]*listenerv1.Receipt)
	}
	if d.Attempt == 0 {
		d.Attempt = p.attempts[d.IdempotencyKey] + 1
	}
	p.attempts[d.IdempotencyKey] = d.Attempt
	d.Receipts = p.receipts[d.IdempotencyKey]
	return d
}

func (p *past) keep(key string, added []*listenerv1.Receipt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.receipts[key] = append(p.receipts[key][:len(p.receipts[key]):len(p.receipts[key])], added...)
}

func answerOf(o *listenerv1.Outcome) Answer {
	a := Answer{
		Outcome: map[listenerv1.Outcome_Code]Outcome{
			listenerv1.Outcome_CODE_DELIVERED: Delivered, listenerv1.Outcome_CODE_SKIPPED: Skipped,
			listenerv1.Outcome_CODE_RETRY: Retry, listenerv1.Outcome_CODE_REJECTED: Rejected,
			listenerv1.Outcome_CODE_UNAVAILABLE: Unavailable,
		}[o.GetCode()],
		Message: o.GetMessage(), RetryAfter: o.GetRetryAfter().AsDuration(), ExternalID: o.GetExternalId(),
	}
	for _, r := range o.GetReceipts() {
		a.Receipts = append(a.Receipts, sdk.Receipt{Key: r.GetKey(), ExternalID: r.GetExternalId()})
	}
	return a
}
