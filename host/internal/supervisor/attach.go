package supervisor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/earshot-host/earshot/sdk/client"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// AttachVariable names the variable by which somebody gives the host a plugin
// that runs already, under a debugger.
const AttachVariable = client.AttachKey

// watchAttached is how often a process that is not ours is looked at.
const watchAttached = 250 * time.Millisecond

// attachment is a plugin that somebody else has started.
type attachment struct {
	listener string
	addr     net.Addr
	pid      int
}

// Attached is the listener that the value of AttachVariable is about; empty
// for an empty one.
func Attached(value string) (listener string, err error) {
	a, err := readAttachment(value)
	if a == nil {
		return "", err
	}
	return a.listener, nil
}

func readAttachment(value string) (*attachment, error) {
	if value == "" {
		return nil, nil
	}
	name, cfg, err := client.Attach(value)
	if err != nil {
		return nil, fmt.Errorf("%w; it is the line that a plugin prints which was started with debug", err)
	}
	if _, ok := client.Versions()[cfg.ProtocolVersion]; !ok {
		return nil, fmt.Errorf("read %s: the plugin speaks protocol %d and this host speaks %v", AttachVariable, cfg.ProtocolVersion, versions())
	}
	return &attachment{listener: name, addr: cfg.Addr, pid: cfg.Pid}, nil
}

// attach makes a process that somebody else has started the one to call. It has
// all the time in the world: somebody may be looking at it step by step.
func (s *Supervisor) attach(ctx context.Context, a *attachment, spec Spec, gen int, exited func(*instance) bool) (*instance, error) {
	log := s.log.With("listener", spec.Listener, "pid", a.pid)
	p := &process{path: fmt.Sprintf("process %d at %s", a.pid, a.addr), pid: a.pid, attached: make(chan struct{}),
		exited: make(chan struct{}), out: &output{log: log, redact: newRedactor(spec.Secrets)}}
	g := &instance{spec: spec, gen: gen, log: log, proc: p, done: make(chan struct{})}
	g.gone, g.vanish = context.WithCancel(context.WithoutCancel(ctx))
	go p.watch()

	if err := g.dial(ctx, a); err != nil {
		p.detach()
		g.bury()
		return nil, &StartError{Path: p.path, Reason: err.Error(), Err: err,
			Hint: "start it again and give the host its new line, or start the host without " + AttachVariable}
	}
	err := g.configure(ctx, s.opt)
	if err == nil {
		err = s.streamReceipts(ctx, g)
	}
	if err != nil {
		p.detach()
		g.bury()
		return nil, err
	}
	g.started = time.Now()
	s.wg.Go(func() {
		<-p.exited
		exited(g)
		g.bury()
	})
	log.Warn("attached to a plugin that runs already: its calls have no deadline", "plugin", g.about.GetName())
	return g, nil
}

func (g *instance) dial(ctx context.Context, a *attachment) (err error) {
	if _, ended := g.proc.ended(); ended || !lives(a.pid) {
		return errors.New("it has ended")
	}
	target := "passthrough:///" + a.addr.String()
	if a.addr.Network() == "unix" {
		target = "unix:" + a.addr.String()
	}
	g.conn, err = grpc.NewClient(target, append(client.DialOptions(),
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry(), grpc.WithIdleTimeout(0), grpc.WithNoProxy())...)
	if err != nil {
		return err
	}
	g.rpc = listenerv1.NewListenerClient(g.conn)
	g.about, err = g.rpc.Describe(ctx, &listenerv1.DescribeRequest{})
	return err
}

// watch notices the end of a process that is not a child of this one.
func (p *process) watch() {
	tick := time.NewTicker(watchAttached)
	defer tick.Stop()
	for {
		select {
		case <-p.attached:
			close(p.exited)
			return
		case <-tick.C:
			if !lives(p.pid) {
				p.detach()
			}
		}
	}
}

// detach lets go of a process that stays where it is, or is no more.
func (p *process) detach() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.left {
		p.left = true
		close(p.attached)
	}
}

func lives(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
