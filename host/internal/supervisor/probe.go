package supervisor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// Probe starts a binary, asks what it is, and stops it. It gives it no config.
func Probe(ctx context.Context, opt Options, path string) (about *listenerv1.DescribeResponse, err error) {
	about, _, err = examine(ctx, opt, Spec{Path: path}, false)
	if err == nil && about == nil {
		return nil, &StartError{Path: path, Reason: "it does not describe itself: it serves no Describe"}
	}
	return about, err
}

// Examine starts a listener's plugin, asks what it is and what it has to say
// about the listener's config, which it does not take, and stops it. What it
// does not tell is nil.
func Examine(ctx context.Context, opt Options, spec Spec) (*listenerv1.DescribeResponse, []*listenerv1.Diagnostic, error) {
	return examine(ctx, opt, spec, true)
}

func examine(ctx context.Context, opt Options, spec Spec, config bool) (about *listenerv1.DescribeResponse, found []*listenerv1.Diagnostic, err error) {
	s, err := New(opt)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, s.Close(ctx)) }()
	g, err := s.start(ctx, spec, 0, nil)
	if err != nil {
		return nil, nil, err
	}
	if config {
		found, err = s.validate(ctx, g)
	}
	idle := make(chan struct{})
	close(idle)
	g.stop(ctx, 0, idle)
	return g.about, found, err
}

// validate has a plugin look at its config.
func (s *Supervisor) validate(ctx context.Context, g *instance) ([]*listenerv1.Diagnostic, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.opt.StartTimeout, errStartTimeout)
	defer cancel()
	req := g.configRequest(s.opt)
	req.ValidateOnly = true
	answer, err := g.rpc.Configure(ctx, req)
	if status.Code(err) == codes.Unimplemented {
		return nil, nil
	}
	if err != nil {
		return nil, g.explain(ctx, fmt.Errorf("check the config: %w", err))
	}
	for _, d := range answer.GetDiagnostics() {
		d.Summary = g.proc.out.redact.Replace(d.GetSummary())
	}
	return answer.GetDiagnostics(), nil
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
