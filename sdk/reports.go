package sdk

import (
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// reports are receipts on their way to the host while their handlers run.
type reports struct {
	mu      sync.Mutex
	open    bool // somebody takes them; without, they only come with the answer
	pending []*listenerv1.ReceiptsResponse
	wake    chan struct{}
}

// add never blocks: a slow host must not hold up a handler.
func (r *reports) add(key string, receipt Receipt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.open {
		return
	}
	r.pending = append(r.pending, &listenerv1.ReceiptsResponse{IdempotencyKey: key, Receipt: receiptOf(receipt)})
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *reports) take() []*listenerv1.ReceiptsResponse {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.pending
	r.pending = nil
	return list
}

func (r *reports) start() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open {
		return false
	}
	r.open, r.wake = true, make(chan struct{}, 1)
	return true
}

func (r *reports) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open, r.pending = false, nil
}

// Receipts streams what handlers report until the host ends the call. Its
// header is sent once every later receipt is sure to be streamed.
func (s *Service) Receipts(_ *listenerv1.ReceiptsRequest, stream grpc.ServerStreamingServer[listenerv1.ReceiptsResponse]) error {
	if !s.reports.start() {
		return status.Error(codes.FailedPrecondition, "receipts are streamed already")
	}
	defer s.reports.end()
	if err := stream.SendHeader(metadata.MD{}); err != nil {
		return err
	}
	for {
		for _, r := range s.reports.take() {
			if err := stream.Send(r); err != nil {
				return err
			}
		}
		select {
		case <-s.reports.wake:
		case <-stream.Context().Done():
			return nil
		}
	}
}
