package sdk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// Service is a listener as the gRPC service that hosts call. Serve makes one;
// only tests and servers of another kind need it themselves.
type Service struct {
	listenerv1.UnimplementedListenerServer

	listener Listener
	// pristine is the listener as the author made it, before anybody used it.
	pristine reflect.Value
	opts     options
	log      *slog.Logger
	inflight inflight
	reports  reports
	// stop ends the contexts of the deliveries that outlast a drain.
	stop   context.Context
	cancel context.CancelCauseFunc
	close  sync.Once

	mu         sync.Mutex
	name       string
	configured bool
}

var _ listenerv1.ListenerServer = (*Service)(nil)

// NewService returns l as a gRPC service. When ctx ends, so do the contexts of
// all deliveries.
func NewService(ctx context.Context, l Listener, opts ...Option) *Service {
	o := newOptions(opts)
	s := &Service{listener: l, opts: o, log: newLogger(o.logs), name: o.name}
	s.stop, s.cancel = context.WithCancelCause(ctx)
	if v := reflect.ValueOf(l); v.Kind() == reflect.Pointer && !v.IsNil() && v.Elem().Kind() == reflect.Struct {
		s.pristine = reflect.New(v.Elem().Type()).Elem()
		s.pristine.Set(v.Elem())
	}
	return s
}

// Describe says what the plugin is.
func (s *Service) Describe(ctx context.Context, _ *listenerv1.DescribeRequest) (*listenerv1.DescribeResponse, error) {
	res := &listenerv1.DescribeResponse{
		Name: s.opts.name, Version: s.opts.version, Summary: s.opts.summary,
		SdkName: "earshot-go", SdkVersion: sdkVersion(), SdkLanguage: "go",
	}
	if _, ok := s.listener.(BatchListener); ok {
		res.Capabilities = append(res.Capabilities, "batch")
	}
	if _, ok := s.listener.(Checker); ok {
		res.Capabilities = append(res.Capabilities, "check")
	}
	if _, ok := s.listener.(Configurer); ok {
		res.Capabilities = append(res.Capabilities, "configure")
	}
	res.Capabilities = append(res.Capabilities, "receipts")
	schema, err := s.schema(ctx)
	if err != nil {
		return nil, err
	}
	res.ConfigSchema = schema
	return res, nil
}

// Configure hands the configuration to the listener, or with validate_only to
// a copy of the listener as it was before anybody used it, so that a check
// never disturbs the one that works.
func (s *Service) Configure(ctx context.Context, req *listenerv1.ConfigureRequest) (*listenerv1.ConfigureResponse, error) {
	cfg := Config{Listener: req.GetListener(), JSON: req.GetConfig(), Dir: req.GetConfigDir(), Timezone: req.GetTimezone()}
	if req.GetValidateOnly() {
		return &listenerv1.ConfigureResponse{Diagnostics: diagnostics(configure(ctx, s.throwAway(), cfg))}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.configured && !s.opts.attached {
		return nil, status.Error(codes.FailedPrecondition, "the listener is configured already: start a new process for another configuration")
	}
	diags := diagnostics(configure(ctx, s.listener, cfg))
	if len(diags) == 0 {
		s.configured = true
		if cfg.Listener != "" {
			s.name = cfg.Listener
		}
	}
	return &listenerv1.ConfigureResponse{Diagnostics: diags}, nil
}

func (s *Service) throwAway() Listener {
	if !s.pristine.IsValid() {
		return s.listener
	}
	v := reflect.New(s.pristine.Type())
	v.Elem().Set(s.pristine)
	return v.Interface().(Listener)
}

func configure(ctx context.Context, l Listener, cfg Config) error {
	c, ok := l.(Configurer)
	if ok {
		return c.Configure(ctx, cfg)
	}
	var keys map[string]any
	if err := cfg.Decode(&keys); err != nil {
		return err
	}
	if len(keys) > 0 {
		return errors.New("this listener takes no configuration: remove its config block")
	}
	return nil
}

// ready returns the listener's name, or the error of a call that came too early.
func (s *Service) ready() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.listener.(Configurer); ok && !s.configured {
		return "", status.Error(codes.FailedPrecondition, "the listener is not configured: call Configure first")
	}
	return s.name, nil
}

// CheckHealth says whether the listener could deliver now.
func (s *Service) CheckHealth(ctx context.Context, _ *listenerv1.CheckHealthRequest) (*listenerv1.CheckHealthResponse, error) {
	name, err := s.ready()
	if err != nil {
		return nil, err
	}
	c, ok := s.listener.(Checker)
	if !ok {
		return &listenerv1.CheckHealthResponse{Healthy: true}, nil
	}
	ctx, cancel := s.withMargin(ctx)
	defer cancel()
	if err := c.Check(withLogger(ctx, logLines{base: s.log, listener: name})); err != nil {
		return &listenerv1.CheckHealthResponse{Message: clip(err.Error())}, nil
	}
	return &listenerv1.CheckHealthResponse{Healthy: true}, nil
}

// Stop refuses new deliveries and waits for those in flight. What has not
// ended after drain_for is cancelled; the listener is closed once nothing runs.
func (s *Service) Stop(ctx context.Context, req *listenerv1.StopRequest) (*listenerv1.StopResponse, error) {
	if s.opts.attached {
		return &listenerv1.StopResponse{}, nil
	}
	// Not withMargin: what ends the deliveries must not end the wait for them.
	ctx, cancel := early(ctx)
	defer cancel()
	left := s.drain(ctx, req.GetDrainFor().AsDuration())
	return &listenerv1.StopResponse{Unfinished: int32(left)}, nil //nolint:gosec // a count of calls in memory
}

var errStopping = errors.New("the listener is stopping")

func (s *Service) drain(ctx context.Context, d time.Duration) int {
	waiting, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	left := s.inflight.drain(waiting)
	s.cancel(errStopping)
	if left > 0 {
		// A cancelled delivery still answers with its receipts, if it is quick.
		answering, cancel := context.WithTimeout(ctx, margin)
		defer cancel()
		if s.inflight.drain(answering) > 0 {
			return left
		}
	}
	s.close.Do(func() {
		if c, ok := s.listener.(Closer); ok {
			if err := c.Close(); err != nil {
				s.log.Warn("listener did not close cleanly", "error", err)
			}
		}
	})
	return left
}

func recoverPanic(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (res any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = status.Error(codes.Internal, fmt.Sprintf("the listener panicked: %v\n%s", p, debug.Stack()))
		}
	}()
	return next(ctx, req)
}

func sdkVersion() string {
	const module = "github.com/earshot-host/earshot"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	if info.Main.Path == module {
		return info.Main.Version
	}
	for _, dep := range info.Deps {
		if dep.Path == module {
			return dep.Version
		}
	}
	return ""
}
