package sdk

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/earshot-host/earshot/sdk/internal/wire"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// Option tells Serve more about a listener.
type Option func(*options)

type options struct {
	name, version, summary string
	logs                   io.Writer
	// attached is for a process that outlives its hosts: under a debugger, the
	// next host configures it again and a stop is not the end.
	attached bool
}

// Name is what the listener is called where it is not configured yet. Without
// it, it is the file's name less "earshot-listener-".
func Name(name string) Option { return func(o *options) { o.name = name } }

// Version is the listener's version. Without it, it is that of the main module
// as the Go tools recorded it.
func Version(version string) Option { return func(o *options) { o.version = version } }

// Summary is one sentence for people.
func Summary(summary string) Option { return func(o *options) { o.summary = summary } }

// LogTo sends the logger's lines to w instead of stderr, for tests.
func LogTo(w io.Writer) Option { return func(o *options) { o.logs = w } }

func newOptions(opts []Option) options {
	o := options{logs: os.Stderr}
	for _, opt := range opts {
		opt(&o)
	}
	if o.name == "" {
		o.name = strings.TrimPrefix(strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe"), "earshot-listener-")
	}
	if o.version == "" {
		if info, ok := debug.ReadBuildInfo(); ok {
			o.version = info.Main.Version
		}
	}
	return o
}

// Serve is the main function of a plugin. Started by a host, it answers until
// the host stops it or is gone, and returns when the process is to end. Run by
// hand, it is a small command line; `help` lists what it can do.
//
// Serve takes over the standard streams: stdin is how it notices that the host
// is gone, and what is printed to stdout ends in the host's log. slog's default
// logger becomes that of the SDK.
func Serve(l Listener, opts ...Option) {
	ctx := context.Background()
	if wire.StartedByHost(os.Getenv) {
		serveHost(ctx, l, opts)
		return
	}
	os.Exit(byHand(ctx, l, opts, os.Args[1:], os.Stdout, os.Stderr))
}

func serveHost(ctx context.Context, l Listener, opts []Option) {
	logs := &mutable{w: os.Stderr}
	s := NewService(ctx, l, append(opts, LogTo(logs))...)
	s.takeProcess()

	var server *grpc.Server
	made := make(chan struct{})
	go func() {
		<-made
		if watchHost(os.Stdin) {
			logs.mute()
			s.drain(ctx, hostGone)
			server.Stop()
		}
	}()
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  wire.Handshake(),
		VersionedPlugins: s.versions(),
		// go-plugin's own lines say nothing that an author or an operator needs.
		Logger: hclog.NewNullLogger(),
		GRPCServer: func(o []grpc.ServerOption) *grpc.Server {
			server = newServer(o)
			close(made)
			return server
		},
	})
	// The host may have shut the server down without a Stop.
	s.drain(ctx, hostGone)
}

func newServer(o []grpc.ServerOption) *grpc.Server {
	return grpc.NewServer(append(o, ServerOptions()...)...)
}

func (s *Service) versions() map[int]plugin.PluginSet {
	return map[int]plugin.PluginSet{wire.Version: {wire.Plugin: &served{Service: s}}}
}

// ServerOptions are what a gRPC server of the listener protocol needs: room for
// large payloads, and panics that do not end the process. Only tests and
// servers that are not started by Serve need them.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		// gRPC's own limit of 4 MiB is below the host's for a payload.
		grpc.MaxRecvMsgSize(wire.MaxMessage), grpc.MaxSendMsgSize(wire.MaxMessage),
		grpc.InitialWindowSize(wire.Window), grpc.InitialConnWindowSize(wire.Window),
		grpc.ChainUnaryInterceptor(recoverPanic),
		// Goroutines that stay keep their stacks: a fifth less time per call.
		grpc.NumStreamWorkers(uint32(runtime.GOMAXPROCS(0))), //nolint:gosec // a few
	}
}

// served is the service as go-plugin wants it.
type served struct {
	plugin.NetRPCUnsupportedPlugin
	*Service
}

var _ plugin.GRPCPlugin = (*served)(nil)

func (p *served) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	listenerv1.RegisterListenerServer(s, p.Service)
	return nil
}

func (*served) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errOnlyServes
}
