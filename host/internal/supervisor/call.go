package supervisor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/earshot-host/earshot/sdk/client"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

const (
	// envelope is what the wire adds to a delivery, at most.
	envelope = 1 << 10
	// noLimit is a size that no server refuses: gRPC's own limit is 4 MiB.
	noLimit = 1 << 20
)

// Call makes one delivery to a listener and returns its answer. It starts the
// plugin if it is not running, and returns soon after ctx ends even if the
// plugin does not.
//
// An error means that there was no answer; the outcome beside it, if any, holds
// the receipts that were reported before the end. *UnavailableError, the listener
// could not be called; *ExitedError, its process ended in the middle;
// *TooLargeError; the error of ctx; any other, the wire broke.
func (s *Supervisor) Call(ctx context.Context, listener string, d *listenerv1.Delivery) (*listenerv1.Outcome, error) {
	req := &listenerv1.HandleRequest{Delivery: d}
	size := proto.Size(req)
	if size > client.MaxMessage-envelope {
		return nil, &TooLargeError{Listener: listener, Size: size}
	}
	var outcome *listenerv1.Outcome
	var on *instance
	err := s.with(ctx, listener, size, func(ctx context.Context, g *instance, opt grpc.CallOption) error {
		on = g
		g.receipts.expect(d)
		answer, err := g.rpc.Handle(ctx, req, opt)
		outcome = g.clean(answer.GetOutcome())
		return err
	})
	if on == nil {
		return nil, err
	}
	if err != nil {
		on.receipts.settle(on)
	}
	if reported := on.receipts.take(d); err != nil {
		outcome = &listenerv1.Outcome{Receipts: reported}
	}
	return outcome, err
}

// clean takes secrets out of what goes to logs and tables.
func (g *instance) clean(o *listenerv1.Outcome) *listenerv1.Outcome {
	if o == nil {
		return &listenerv1.Outcome{}
	}
	o.Message = g.proc.out.redact.Replace(o.GetMessage())
	return o
}

// with runs one call on a listener's process and says what its error means.
func (s *Supervisor) with(ctx context.Context, name string, size int, call func(context.Context, *instance, grpc.CallOption) error) error {
	l, err := s.listener(name)
	if err != nil {
		return err
	}
	g, err := l.acquire(ctx)
	if err != nil {
		return err
	}
	answered := false
	defer func() { l.release(g, answered) }()

	calling, cancel := context.WithCancel(ctx)
	defer cancel()
	// What the plugin left behind may hold its end of the wire.
	stop := context.AfterFunc(g.gone, cancel)
	defer stop()
	var to peer.Peer
	err = call(calling, g, grpc.Peer(&to))
	switch {
	case err == nil:
		answered = true
		return nil
	case errors.Is(err, ErrNoBatch), errors.Is(err, ErrNoCheck):
		return err
	}
	// Without a connection nothing was sent: that is no attempt.
	if err, sent := l.broken(ctx, g, size, err), to.Addr != nil; sent || errors.Is(err, context.Canceled) {
		return err
	}
	return l.unavailable(l.sup.opt.Restart.First, err)
}

// broken says what a call without an answer means. What counts is whether the
// process lives, never the words of an error.
func (l *listener) broken(ctx context.Context, g *instance, size int, err error) error {
	if ctx.Err() != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			l.late(g)
		}
		return ctx.Err()
	}
	code := status.Code(err)
	switch {
	case code == codes.ResourceExhausted && size > noLimit:
		return &TooLargeError{Listener: l.name, Size: size}
	case code == codes.Unimplemented:
		return l.unavailable(l.sup.opt.Restart.Max, fmt.Errorf("its plugin does not serve this call: %w", err))
	}
	if code == codes.Unavailable || code == codes.Canceled || code == codes.Unknown {
		select {
		case <-g.proc.exited:
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(exitNotice):
		}
	}
	how, ended := g.proc.ended()
	switch {
	case g.stopping.Load():
		return fmt.Errorf("the host stopped the plugin of listener %s during the call", l.name)
	case ended:
		<-g.proc.exited // its last words are still being read
		return &ExitedError{Listener: l.name, Status: how, Stderr: g.proc.out.lines()}
	}
	switch code {
	case codes.DeadlineExceeded:
		l.late(g)
		return context.DeadlineExceeded // the plugin's clock was a little ahead of ours
	case codes.Unavailable:
		l.lost(g, err)
	}
	return fmt.Errorf("call listener %s: %w", l.name, err)
}
