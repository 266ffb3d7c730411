package supervisor

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// lost counts a call that the wire lost though the process lives. The second
// in a row ends the process: its socket may be gone for good.
func (l *listener) lost(g *instance, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g.broken++
	if g.broken >= 2 {
		l.replaceDead(g, "the plugin lives and cannot be reached: it is restarted", err)
	}
}

// late asks a plugin that did not answer in time for its name, which needs no
// waiting for anybody: one that does not tell hears nothing any more.
func (l *listener) late(g *instance) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current != g || g.asked {
		return
	}
	g.asked = true
	l.sup.wg.Go(func() {
		ctx, cancel := context.WithTimeout(l.sup.life, l.sup.opt.StartTimeout)
		defer cancel()
		_, err := g.rpc.Describe(ctx, &listenerv1.DescribeRequest{})
		l.mu.Lock()
		defer l.mu.Unlock()
		g.asked = false
		if status.Code(err) == codes.DeadlineExceeded {
			l.replaceDead(g, "the plugin lives and hears nothing: it is restarted", errors.New("it did not answer Describe in time"))
		}
	})
}

// replaceDead makes room for a new process. It counts as a crash.
func (l *listener) replaceDead(g *instance, what string, err error) {
	if l.current != g {
		return
	}
	g.log.Warn(what, "error", err)
	l.current = nil
	l.breaker.failed(time.Now(), err)
	l.retire(g)
}
