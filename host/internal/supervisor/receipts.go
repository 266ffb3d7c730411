package supervisor

import (
	"context"
	"slices"
	"sync"
	"time"

	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// receipts gathers what handlers report while they run, so that it counts even
// if their calls never answer.
type receipts struct {
	mu sync.Mutex
	// open holds the deliveries in flight, by idempotency key.
	open map[string][]*listenerv1.Receipt
	// ended is closed when no more can come; nil where the plugin streams none.
	ended chan struct{}
}

// streamReceipts listens to a plugin that reports while it works, until its
// process ends. What it reports after this has returned is heard.
func (s *Supervisor) streamReceipts(ctx context.Context, g *instance) error {
	if !slices.Contains(g.about.GetCapabilities(), "receipts") {
		return nil
	}
	stream, err := g.rpc.Receipts(g.gone, &listenerv1.ReceiptsRequest{})
	if err != nil {
		return err
	}
	g.receipts.ended = make(chan struct{})
	ready := make(chan error, 1)
	s.wg.Go(func() {
		defer close(g.receipts.ended)
		_, err := stream.Header()
		ready <- err
		for err == nil {
			var r *listenerv1.ReceiptsResponse
			if r, err = stream.Recv(); err == nil {
				g.receipts.add(r)
			}
		}
	})
	select {
	case err := <-ready:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *receipts) add(res *listenerv1.ReceiptsResponse) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := res.GetIdempotencyKey()
	// What nobody waits for belongs to a call that has ended.
	if list, ok := r.open[key]; ok && res.GetReceipt() != nil {
		r.open[key] = append(list, res.GetReceipt())
	}
}

// expect begins to gather for deliveries that are about to be made.
func (r *receipts) expect(ds ...*listenerv1.Delivery) {
	if r.ended == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil {
		r.open = make(map[string][]*listenerv1.Receipt)
	}
	for _, d := range ds {
		r.open[d.GetIdempotencyKey()] = nil
	}
}

// take ends the gathering for one delivery and returns what was reported.
func (r *receipts) take(d *listenerv1.Delivery) []*listenerv1.Receipt {
	if r.ended == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.open[d.GetIdempotencyKey()]
	delete(r.open, d.GetIdempotencyKey())
	return list
}

// settle waits, shortly, for what a process that has ended had still reported.
func (r *receipts) settle(g *instance) {
	if _, ended := g.proc.ended(); !ended || r.ended == nil {
		return
	}
	select {
	case <-r.ended:
	case <-time.After(lastAnswers):
	}
}
