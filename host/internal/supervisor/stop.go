package supervisor

import (
	"context"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"

	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

const (
	// answerGrace is added to what a plugin is given, for its answer.
	answerGrace = 500 * time.Millisecond
	// exitGrace is how long a plugin may take to put itself away.
	exitGrace = 2 * time.Second
	// termGrace is the same for one that knows SIGTERM only.
	termGrace = 500 * time.Millisecond
	// killGrace bounds the wait for what was killed: the kernel may hold it.
	killGrace = 5 * time.Second
)

// shutdown is go-plugin's own service to end a plugin. Its messages are empty.
const shutdown = "/plugin.GRPCController/Shutdown"

// stop ends a process: it lets calls in flight end for at most drain, tells the
// plugin to stop, then to exit, and then kills it with all that it started.
// Every step is bounded; the end of ctx goes straight to the last.
func (g *instance) stop(ctx context.Context, drain time.Duration, idle <-chan struct{}) {
	g.stopping.Store(true)
	if g.proc.attached != nil {
		g.await(ctx, drain, idle)
		g.proc.detach()
		<-g.done
		return
	}
	if !g.leave(ctx, drain, idle) {
		g.proc.signal(syscall.SIGKILL)
	}
	timer := time.NewTimer(killGrace)
	defer timer.Stop()
	select {
	case <-g.done:
	case <-timer.C:
		g.log.Error("the plugin was killed and has not ended: the kernel holds it", "pid", g.proc.ID())
	}
}

// leave asks the plugin to end, and reports whether it did.
func (g *instance) leave(ctx context.Context, drain time.Duration, idle <-chan struct{}) bool {
	deadline := time.Now().Add(drain)
	g.await(ctx, drain, idle)
	left := max(0, time.Until(deadline))

	within, cancel := context.WithTimeout(ctx, left+answerGrace)
	answer, err := g.rpc.Stop(within, &listenerv1.StopRequest{DrainFor: durationpb.New(left)})
	cancel()
	if n := answer.GetUnfinished(); n > 0 {
		g.log.Warn("the plugin stops in the middle of deliveries", "unfinished", n)
	}
	if status.Code(err) == codes.DeadlineExceeded {
		return false // it hears nothing
	}
	g.proc.hangUp()

	within, cancel = context.WithTimeout(ctx, answerGrace)
	err = g.conn.Invoke(within, shutdown, &emptypb.Empty{}, &emptypb.Empty{})
	cancel()
	grace := exitGrace
	if status.Code(err) == codes.Unimplemented {
		// A plugin in another language ends by its life line, or by a signal.
		g.proc.signal(syscall.SIGTERM)
		grace = termGrace
	}
	return g.await(ctx, grace, g.proc.exited)
}

// await reports whether c was closed within d, before ctx or the process ended.
func (g *instance) await(ctx context.Context, d time.Duration, c <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c:
		return true
	case <-timer.C:
	case <-ctx.Done():
	case <-g.proc.exited:
		return true
	}
	return false
}
