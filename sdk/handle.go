package sdk

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// margin is how long before the deadline a listener's context ends at most, so
// that there is time left to answer with the receipts.
const margin = 250 * time.Millisecond

var errTimeUp = errors.New("the delivery's time is up")

// withMargin ends ctx a little before its deadline, and when the service stops.
func (s *Service) withMargin(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	release := context.AfterFunc(s.stop, func() { cancel(context.Cause(s.stop)) })
	ctx, cancelTimer := early(ctx)
	return ctx, func() { cancelTimer(); release(); cancel(nil) }
}

// early ends ctx a little before its deadline, if it has one.
func early(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadlineCause(ctx, deadline.Add(-marginOf(time.Until(deadline))), errTimeUp)
}

func marginOf(left time.Duration) time.Duration { return max(0, min(margin, left/10)) }

// Handle hands one delivery to the listener.
func (s *Service) Handle(ctx context.Context, req *listenerv1.HandleRequest) (*listenerv1.HandleResponse, error) {
	ev := s.eventOf(req.GetDelivery())
	outcomes, err := s.handle(ctx, []*Event{ev}, func(ctx context.Context, _ []*Event) []error {
		return []error{s.listener.Handle(ctx, ev)}
	})
	if err != nil {
		return nil, err
	}
	return &listenerv1.HandleResponse{Outcome: outcomes[0]}, nil
}

// HandleBatch hands several deliveries to a listener that takes them together.
func (s *Service) HandleBatch(req *listenerv1.HandleBatchRequest, stream grpc.ServerStreamingServer[listenerv1.HandleBatchResponse]) error {
	b, ok := s.listener.(BatchListener)
	if !ok {
		return s.UnimplementedListenerServer.HandleBatch(req, stream)
	}
	evs := make([]*Event, len(req.GetDeliveries()))
	for i, d := range req.GetDeliveries() {
		evs[i] = s.eventOf(d)
	}
	outcomes, err := s.handle(stream.Context(), evs, b.HandleBatch)
	if err != nil {
		return err
	}
	for i, o := range outcomes {
		if err := stream.Send(&listenerv1.HandleBatchResponse{IdempotencyKey: evs[i].IdempotencyKey, Outcome: o}); err != nil {
			return err
		}
	}
	return nil
}

// handle runs the listener in a goroutine of its own, since one that does not
// heed its context must not keep the receipts that it has from being answered.
func (s *Service) handle(ctx context.Context, evs []*Event, call func(context.Context, []*Event) []error) ([]*listenerv1.Outcome, error) {
	name, err := s.ready()
	if err != nil {
		return nil, err
	}
	if !s.inflight.enter(len(evs)) {
		return nil, status.Error(codes.Unavailable, errStopping.Error()+": nothing was delivered")
	}
	hctx, cancel := s.withMargin(ctx)
	defer cancel()
	lines := logLines{base: s.log, listener: name}
	if len(evs) == 1 {
		lines.ev = evs[0]
	}
	done := make(chan []error, 1)
	go func() {
		defer s.inflight.leave(len(evs))
		done <- protect(withLogger(hctx, lines), lines, evs, call)
	}()
	errs, ok := await(ctx, hctx, done)
	if !ok {
		errs = make([]error, len(evs))
		for i := range errs {
			errs[i] = fmt.Errorf("the listener did not end in time and may still be sending: %w", context.Cause(hctx))
		}
	}
	outcomes := make([]*listenerv1.Outcome, len(evs))
	for i, ev := range evs {
		if i >= len(errs) {
			errs = append(errs, fmt.Errorf("the listener answered %d of %d events", i, len(evs)))
		}
		outcomes[i] = outcomeOf(hctx, ev, errs[i])
	}
	return outcomes, nil
}

// await waits for the listener until an answer must be given now or never:
// half a margin after hctx has ended, or once nobody waits any more.
func await(ctx, hctx context.Context, done <-chan []error) (errs []error, ok bool) {
	select {
	case errs = <-done:
		return errs, true
	case <-hctx.Done():
	}
	wait := margin / 2
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline)/2)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case errs = <-done:
		return errs, true
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil, false
}

// protect turns a panic of the listener into errors that are tried again.
func protect(ctx context.Context, log logLines, evs []*Event, call func(context.Context, []*Event) []error) (errs []error) {
	defer func() {
		if p := recover(); p != nil {
			log.logger().Error("listener panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			errs = make([]error, len(evs))
			for i := range errs {
				errs[i] = fmt.Errorf("the listener panicked: %v", p)
			}
		}
	}()
	return call(ctx, evs)
}

func (s *Service) eventOf(d *listenerv1.Delivery) *Event {
	ev := &Event{
		ID: d.GetEventId(), Name: d.GetEventName(), Payload: d.GetPayload(),
		IdempotencyKey: d.GetIdempotencyKey(),
		Attempt:        int(d.GetAttempt()), MaxAttempts: int(d.GetMaxAttempts()),
		Redelivered: d.GetRedelivered(), DryRun: d.GetDryRun(), Trace: d.GetTrace(),
		done: make(map[string]string, len(d.GetReceipts())),
	}
	if t := d.GetOccurredAt(); t != nil {
		ev.OccurredAt = t.AsTime()
	}
	for _, r := range d.GetReceipts() {
		ev.done[r.GetKey()] = r.GetExternalId()
	}
	ev.report = func(r Receipt) { s.reports.add(ev.IdempotencyKey, r) }
	return ev
}
