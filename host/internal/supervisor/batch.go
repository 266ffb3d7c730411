package supervisor

import (
	"context"
	"errors"
	"io"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/earshot-host/earshot/sdk/client"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// CallBatch makes several deliveries in one call. answer is called once for
// each delivery that was answered, by its idempotency key and in any order;
// what it was not called for has an unknown outcome, whatever the error.
// ErrNoBatch says that the plugin takes one at a time, and nothing was sent.
// Otherwise errors are those of Call.
func (s *Supervisor) CallBatch(ctx context.Context, listener string, ds []*listenerv1.Delivery, answer func(key string, o *listenerv1.Outcome)) error {
	req := &listenerv1.HandleBatchRequest{Deliveries: ds}
	size := proto.Size(req)
	if size > client.MaxMessage-envelope {
		return &TooLargeError{Listener: listener, Size: size}
	}
	open := make(map[string]bool, len(ds))
	for _, d := range ds {
		open[d.GetIdempotencyKey()] = true
	}
	return s.with(ctx, listener, size, func(ctx context.Context, g *instance) error {
		if !slices.Contains(g.about.GetCapabilities(), "batch") {
			return ErrNoBatch
		}
		stream, err := g.rpc.HandleBatch(ctx, req)
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
}
