package supervisor

import (
	"context"
	"errors"
	"io"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/earshot-host/earshot/sdk/client"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// CallBatch makes several deliveries in one call. answer is called once for
// each delivery that was answered, by its idempotency key and in any order;
// what it was not called for has an unknown outcome, whatever the error, and
// reported holds the receipts, if any, from before the end.
// ErrNoBatch says that the plugin takes one at a time, and nothing was sent.
// Otherwise errors are those of Call.
func (s *Supervisor) CallBatch(ctx context.Context, listener string, ds []*listenerv1.Delivery, answer func(key string, o *listenerv1.Outcome)) (reported map[string][]*listenerv1.Receipt, err error) {
	req := &listenerv1.HandleBatchRequest{Deliveries: ds}
	size := proto.Size(req)
	if size > client.MaxMessage-envelope {
		return nil, &TooLargeError{Listener: listener, Size: size}
	}
	open := make(map[string]bool, len(ds))
	for _, d := range ds {
		open[d.GetIdempotencyKey()] = true
	}
	var on *instance
	err = s.with(ctx, listener, size, func(ctx context.Context, g *instance, opt grpc.CallOption) error {
		if !slices.Contains(g.about.GetCapabilities(), "batch") {
			return ErrNoBatch
		}
		on = g
		g.receipts.expect(ds...)
		stream, err := g.rpc.HandleBatch(ctx, req, opt)
		if err != nil {
			return err
		}
		for {
			item, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			// The first answer counts; a key that nobody asked about is no answer.
			if key := item.GetIdempotencyKey(); open[key] {
				delete(open, key)
				answer(key, g.clean(item.GetOutcome()))
			}
		}
	})
	if on == nil {
		return nil, err
	}
	if err != nil {
		on.receipts.settle(on)
	}
	reported = make(map[string][]*listenerv1.Receipt)
	for _, d := range ds {
		if list := on.receipts.take(d); open[d.GetIdempotencyKey()] && len(list) > 0 {
			reported[d.GetIdempotencyKey()] = list
		}
	}
	return reported, err
}

// Batches reports whether a listener takes several deliveries in one call. It
// is false until its plugin runs, since only the plugin can say.
func (s *Supervisor) Batches(listener string) bool {
	l, err := s.listener(listener)
	if err != nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current != nil && slices.Contains(l.current.about.GetCapabilities(), "batch")
}
