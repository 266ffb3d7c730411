package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/earshot-host/earshot/sdk/client"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

const (
	// exitNotice is how long to wait for word that a process has ended, when
	// its wire broke.
	exitNotice = 500 * time.Millisecond
	// lastAnswers is how long answers may still arrive from a process that ended.
	lastAnswers = 100 * time.Millisecond
)

var errStartTimeout = errors.New("it was not ready in time")

// instance is one process that is ready for calls, or on its way out.
type instance struct {
	spec    Spec
	gen     int // of the spec
	binary  fs.FileInfo
	log     hclog.Logger
	proc    *process
	client  *plugin.Client
	conn    *grpc.ClientConn
	rpc     listenerv1.ListenerClient
	about   *listenerv1.DescribeResponse
	started time.Time
	// gone ends when no answer can come any more; done is closed when nothing
	// is left of the process.
	gone   context.Context
	vanish context.CancelFunc
	done   chan struct{}

	receipts receipts

	// stopping is set when the host means the process to end.
	stopping atomic.Bool

	// The rest belongs to the listener, under its lock.
	calls int
	// idle is made by whoever waits for the last call, and closed by it.
	idle chan struct{}
	// trial lets one call through at a time: the breaker is open.
	trial bool
	// broken counts calls in a row that the wire lost though the process lives.
	broken int
	// asked is set while the process is asked whether it hears anything.
	asked bool
}

// start starts a process, shakes hands and, unless it is only to describe
// itself, hands it its config. StartTimeout bounds it. What was started is gone
// when it returns an error; otherwise exited is called once, when the process
// has ended, and says whether calls are in flight.
func (s *Supervisor) start(ctx context.Context, spec Spec, gen int, exited func(*instance) bool) (*instance, error) {
	begin := time.Now()
	if a := s.attached; a != nil && a.listener == spec.Listener && exited != nil {
		return s.attach(ctx, a, spec, gen, exited)
	}
	if err := checkBinary(spec.Path, spec.SHA256); err != nil {
		return nil, err
	}
	g, err := s.prepare(ctx, spec, gen)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.opt.StartTimeout, errStartTimeout)
	defer cancel()
	// Whatever a start hangs on, it goes on when the process ends.
	watch := context.AfterFunc(ctx, func() { g.proc.signal(syscall.SIGKILL) })
	if err = g.connect(ctx); err == nil && exited != nil {
		if err = g.configure(ctx, s.opt); err == nil {
			err = s.streamReceipts(ctx, g)
		}
	}
	if !watch() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		err = g.explain(ctx, err)
		g.proc.signal(syscall.SIGKILL)
		g.bury()
		return nil, err
	}
	g.started = time.Now()
	s.wg.Go(func() {
		<-g.proc.exited
		if exited != nil && exited(g) {
			select {
			case <-time.After(lastAnswers):
			case <-s.patience.Done():
			}
		}
		g.bury()
	})
	g.log.Info("plugin started", "plugin", g.about.GetName(), "version", g.about.GetVersion(),
		"pid", g.proc.ID(), "took", time.Since(begin).Round(time.Millisecond).String())
	return g, nil
}

// prepare makes all that a process needs, and does not start it yet.
func (s *Supervisor) prepare(ctx context.Context, spec Spec, gen int) (*instance, error) {
	info, err := os.Stat(spec.Path)
	if err != nil {
		return nil, err
	}
	dir, err := s.dir.sockets()
	if err != nil {
		return nil, fmt.Errorf("make a folder for sockets: %w", err)
	}
	log := s.log.With("listener", spec.Listener)
	out := &output{log: log, redact: newRedactor(spec.Secrets)}
	g := &instance{spec: spec, gen: gen, binary: info, log: log, done: make(chan struct{})}
	g.gone, g.vanish = context.WithCancel(context.WithoutCancel(ctx))
	g.proc = &process{path: spec.Path, dir: dir, env: spec.Env, hostVersion: s.opt.HostVersion, out: out}
	g.client = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  client.Handshake(),
		VersionedPlugins: client.Versions(),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, _ string) (runner.Runner, error) {
			return g.proc.run(cmd)
		},
		SkipHostEnv: true,
		// start has a bound of its own, which must be the first.
		StartTimeout:     2 * s.opt.StartTimeout,
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: dir},
		SyncStdout:       &lineWriter{line: out.stdout},
		SyncStderr:       &lineWriter{line: out.stderr},
		// All that it has to say is said here, once and in our words.
		Logger: hclog.NewNullLogger(),
		GRPCDialOptions: append(client.DialOptions(),
			grpc.WithDisableRetry(), // a hidden second try is a second mail
			grpc.WithIdleTimeout(0), // the socket's file may be cleaned away: keep the connection
			grpc.WithNoProxy()),
	})
	return g, nil
}

// connect takes the process to where it can be called.
func (g *instance) connect(ctx context.Context) error {
	protocol, err := g.client.Client()
	if err != nil {
		return err
	}
	wire, ok := protocol.(*plugin.GRPCClient)
	if !ok {
		return fmt.Errorf("go-plugin made a %T", protocol)
	}
	raw, err := wire.Dispense(client.Plugin)
	if err != nil {
		return err
	}
	g.conn = wire.Conn
	if g.rpc, ok = raw.(listenerv1.ListenerClient); !ok {
		return fmt.Errorf("go-plugin dispensed a %T", raw)
	}
	// A small plugin in another language may have nothing but Handle.
	g.about, err = g.rpc.Describe(ctx, &listenerv1.DescribeRequest{})
	if err != nil && status.Code(err) != codes.Unimplemented {
		return fmt.Errorf("describe: %w", err)
	}
	return nil
}

// configure hands the process its config, once.
func (g *instance) configure(ctx context.Context, opt Options) error {
	answer, err := g.rpc.Configure(ctx, g.configRequest(opt))
	if status.Code(err) == codes.Unimplemented {
		return nil
	}
	if err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	refused := &ConfigError{Listener: g.spec.Listener}
	for _, d := range answer.GetDiagnostics() {
		d.Summary = g.proc.out.redact.Replace(d.GetSummary())
		if d.GetSeverity() == listenerv1.Diagnostic_SEVERITY_WARNING {
			g.log.Warn("the plugin warns about its config", "path", d.GetPath(), "warning", d.GetSummary())
			continue
		}
		refused.Faults = append(refused.Faults, d)
	}
	if len(refused.Faults) > 0 {
		return refused
	}
	return nil
}

func (g *instance) configRequest(opt Options) *listenerv1.ConfigureRequest {
	return &listenerv1.ConfigureRequest{
		Listener:    g.spec.Listener,
		Config:      g.spec.Config,
		HostVersion: opt.HostVersion,
		Timezone:    opt.Timezone,
		ConfigDir:   g.spec.ConfigDir,
	}
}

// explain turns what went wrong in a start into what a reader can use.
func (g *instance) explain(ctx context.Context, err error) error {
	if errors.As(err, new(*ConfigError)) {
		return err
	}
	p := g.proc
	if p.ID() == "" {
		return explainExec(p.path, err)
	}
	p.awaitExit(exitNotice) // what ends in a moment tells more
	e := &StartError{Path: p.path, Err: err, Stderr: p.out.lines()}
	p.mu.Lock()
	greeted, fault := p.greeted, p.fault
	e.Stdout = p.first
	p.mu.Unlock()
	how, ended := p.ended()
	switch {
	case fault != nil:
		e.Reason, e.Err = fault.Error(), fault
	case ctx.Err() != nil && !errors.Is(context.Cause(ctx), errStartTimeout):
		e.Reason, e.Err = "the start was given up", context.Cause(ctx)
	case ctx.Err() != nil && !greeted:
		e.Reason = "it did not say in time where it listens"
		e.Hint = "is it an Earshot listener? One prints go-plugin's handshake on stdout, or listens at $" + addrVariable
	case ctx.Err() != nil:
		e.Reason = "it was not ready in time"
		e.Hint = "Describe and Configure must not wait for anything"
	case !ended:
		e.Reason = err.Error()
	case !greeted:
		e.Status = how
		e.Reason = "it ended before it said where it listens"
		e.Hint = "is it an Earshot listener? Run it by hand to see what it says"
	default:
		e.Status = how
		e.Reason = "it ended before it was ready"
		e.Hint = "run it by hand to see what it says"
	}
	return e
}

// bury clears up after a process that has ended, or never lived.
func (g *instance) bury() {
	if g.proc.ID() != "" {
		<-g.proc.exited
	}
	g.vanish()
	if g.proc.attached == nil {
		g.client.Kill()
		_ = os.RemoveAll(g.proc.dir)
	} else if g.conn != nil {
		_ = g.conn.Close()
	}
	close(g.done)
}
