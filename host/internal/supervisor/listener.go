package supervisor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sync"
	"time"
)

// listener keeps one process for one listener of events.yaml.
type listener struct {
	sup  *Supervisor
	name string

	mu       sync.Mutex
	spec     Spec
	gen      int // counts the changes of spec
	current  *instance
	starting *attempt
	breaker  breaker
	closed   bool
	// supersede gives up the replacement that is under way.
	supersede context.CancelFunc
}

// attempt is one start, shared by all who wait for it.
type attempt struct {
	done chan struct{}
	err  error
}

func newListener(s *Supervisor, spec Spec) *listener {
	return &listener{sup: s, name: spec.Listener, spec: spec,
		breaker: breaker{Restart: s.opt.Restart, random: s.random}}
}

// acquire returns the running process, and starts one if there is none. The
// caller must release it. Nothing is locked while a process starts.
func (l *listener) acquire(ctx context.Context) (*instance, error) {
	for {
		g, a, err := l.take()
		if g != nil || err != nil {
			return g, err
		}
		select {
		case <-a.done:
			if a.err != nil {
				return nil, a.err
			}
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil, l.unavailable(l.sup.opt.Restart.First, errors.New("its plugin is still starting"))
			}
			return nil, ctx.Err()
		}
	}
}

// take returns the running process, or the start to wait for.
func (l *listener) take() (*instance, *attempt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch g := l.current; {
	case l.closed:
		return nil, nil, l.unavailable(l.sup.opt.Restart.First, ErrClosed)
	case g != nil && g.trial && g.calls > 0:
		return nil, nil, l.unavailable(l.sup.opt.Restart.First, errors.New("its plugin kept ending, and is on trial with one delivery"))
	case g != nil:
		if _, ended := g.proc.ended(); ended { // and exited is about to hear of it
			return nil, nil, l.unavailable(l.sup.opt.Restart.First, l.exitError(g))
		}
		g.calls++
		return g, nil, nil
	case l.starting == nil:
		if wait, why := l.breaker.refuses(time.Now()); wait > 0 {
			return nil, nil, l.unavailable(wait, why)
		}
		l.begin()
	}
	return nil, l.starting, nil
}

// release gives a process back after a call; answered says that it answered.
func (l *listener) release(g *instance, answered bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g.calls--
	if g.calls == 0 && g.idle != nil {
		close(g.idle)
		g.idle = nil
	}
	if answered {
		g.broken = 0
		if g.trial {
			g.trial = false
			l.breaker.reset()
		}
	}
}

// begin starts a process for all who wait. It outlives the call that asked.
func (l *listener) begin() {
	a := &attempt{done: make(chan struct{})}
	l.starting = a
	spec, gen := l.spec, l.gen
	l.sup.wg.Go(func() {
		g, err := l.sup.start(l.sup.life, spec, gen, l.exited)
		l.mu.Lock()
		defer l.mu.Unlock()
		defer close(a.done)
		l.starting = nil
		if err == nil {
			err = l.install(g)
		}
		if err != nil {
			a.err = l.failed(err)
		}
	})
}

// install makes g the process to call, and retires the one before.
func (l *listener) install(g *instance) error {
	if _, ended := g.proc.ended(); ended {
		return l.exitError(g)
	}
	if l.closed || l.current != nil && l.current.gen > g.gen {
		l.retire(g)
		if l.closed {
			return ErrClosed
		}
		return nil
	}
	g.trial = l.breaker.opened
	if l.current != nil {
		l.retire(l.current)
	}
	l.current = g
	return nil
}

// failed takes note of a start that failed.
func (l *listener) failed(err error) error {
	now := time.Now()
	var wait time.Duration
	switch {
	case l.closed || errors.Is(err, ErrClosed):
		wait = l.sup.opt.Restart.First
	case errors.As(err, new(*ConfigError)):
		// Not a crash: the same config will be refused again.
		wait = l.sup.opt.Restart.Max
		l.breaker.hold(now, wait, err)
	default:
		wait = l.breaker.failed(now, err)
	}
	return l.unavailable(wait, err)
}

// exited takes note of a process that ended, and reports whether calls are in
// flight. It is a crash if the process was the one to call.
func (l *listener) exited(g *instance) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current != g {
		return g.calls > 0
	}
	l.current = nil
	now := time.Now()
	if now.Sub(g.started) >= l.breaker.Healthy {
		l.breaker.reset()
	}
	err := l.exitError(g)
	wait := l.breaker.failed(now, err)
	g.log.Warn("the plugin ended", "error", err, "restart_in", wait.Round(time.Millisecond).String())
	return g.calls > 0
}

func (l *listener) exitError(g *instance) error {
	how, _ := g.proc.ended()
	lines := g.proc.out.lines()
	if said := telling(lines); said != "" {
		return fmt.Errorf("its plugin ended: %s; it said %q", how, said)
	}
	return fmt.Errorf("its plugin ended: %s", how)
}

// retire stops a process in the background, once its calls have ended.
func (l *listener) retire(g *instance) {
	idle := make(chan struct{})
	if g.calls == 0 {
		close(idle)
	} else {
		g.idle = idle
	}
	l.sup.wg.Go(func() { g.stop(l.sup.patience, l.sup.opt.StopDrain, idle) })
}

// change takes a new spec. A running process is replaced only by one that has
// started and has taken its config.
func (l *listener) change(spec Spec) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if reflect.DeepEqual(spec, l.spec) && !l.replacedOnDisk() {
		return
	}
	l.spec = spec
	l.gen++
	l.breaker.reset()
	if l.supersede != nil {
		l.supersede()
		l.supersede = nil
	}
	if l.current == nil && l.starting == nil {
		return
	}
	ctx, cancel := context.WithCancel(l.sup.life)
	l.supersede = cancel
	gen := l.gen
	l.sup.wg.Go(func() {
		defer cancel()
		l.replace(ctx, spec, gen)
	})
}

// replacedOnDisk reports whether another binary was put in the place of the running one.
func (l *listener) replacedOnDisk() bool {
	if l.current == nil || l.current.binary == nil {
		return false
	}
	now, err := os.Stat(l.spec.Path)
	was := l.current.binary
	return err == nil && (!os.SameFile(now, was) || now.Size() != was.Size() || !now.ModTime().Equal(was.ModTime()))
}

// replace starts a process for spec and puts it in the place of the one that
// runs. One that cannot be started is tried again: the old one stays meanwhile.
func (l *listener) replace(ctx context.Context, spec Spec, gen int) {
	for row := 1; ; row++ {
		g, err := l.sup.start(ctx, spec, gen, l.exited)
		if err == nil {
			l.mu.Lock()
			err = l.install(g)
			l.mu.Unlock()
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		l.mu.Lock()
		running, wait := l.current != nil, l.breaker.backoff(row)
		l.mu.Unlock()
		if !running {
			return // the next call starts one
		}
		l.sup.log.Error("the listener was changed and cannot be started: the one before stays",
			"listener", l.name, "error", err, "retry_in", wait.Round(time.Millisecond).String())
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// close refuses further calls and stops the process in the background.
func (l *listener) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.supersede != nil {
		l.supersede()
	}
	if l.current != nil {
		l.retire(l.current)
		l.current = nil
	}
}

func (l *listener) unavailable(wait time.Duration, err error) error {
	return &UnavailableError{Listener: l.name, After: wait, Err: err}
}
