package supervisor

import (
	"context"
	"errors"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// Probe starts a binary, asks what it is, and stops it. It gives it no config.
func Probe(ctx context.Context, opt Options, path string) (about *listenerv1.DescribeResponse, err error) {
	s, err := New(opt)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close(ctx)) }()
	g, err := s.start(ctx, Spec{Path: path}, 0, nil)
	if err != nil {
		return nil, err
	}
	idle := make(chan struct{})
	close(idle)
	g.stop(ctx, 0, idle)
	if g.about == nil {
		return nil, &StartError{Path: path, Reason: "it does not describe itself: it serves no Describe"}
	}
	return g.about, nil
}

// Describe says what a listener's plugin is; nil if it does not tell. It starts
// the plugin and hands it its config, so that its error tells about both.
func (s *Supervisor) Describe(ctx context.Context, listener string) (about *listenerv1.DescribeResponse, err error) {
	err = s.with(ctx, listener, 0, func(_ context.Context, g *instance, _ grpc.CallOption) error {
		about = g.about
		return nil
	})
	return about, err
}

// Check asks a listener whether it could deliver now. ErrNoCheck says that it
// cannot tell.
func (s *Supervisor) Check(ctx context.Context, listener string) (health *listenerv1.CheckHealthResponse, err error) {
	err = s.with(ctx, listener, 0, func(ctx context.Context, g *instance, opt grpc.CallOption) error {
		if g.about != nil && !slices.Contains(g.about.GetCapabilities(), "check") {
			return ErrNoCheck
		}
		health, err = g.rpc.CheckHealth(ctx, &listenerv1.CheckHealthRequest{}, opt)
		if status.Code(err) == codes.Unimplemented {
			return ErrNoCheck
		}
		if health != nil {
			health.Message = g.proc.out.redact.Replace(health.GetMessage())
		}
		return err
	})
	return health, err
}
