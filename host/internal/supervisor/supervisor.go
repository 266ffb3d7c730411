// Package supervisor keeps one plugin process per listener: it starts it at the
// first call, shares it, restarts it when it ends, replaces it when its part of
// events.yaml changes, and stops it. It knows nothing of the queue.
package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// Spec is what a listener's process is started from.
type Spec struct {
	// Listener is its name in events.yaml.
	Listener string
	// Path of the binary; see Find.
	Path string
	// Env is added to the few variables that a plugin inherits, and wins.
	Env map[string]string
	// SHA256 of the binary in hex; empty: not checked.
	SHA256 string
	// Config is the listener's config as JSON, with secrets in their places.
	Config json.RawMessage
	// ConfigDir is what relative paths in Config are relative to.
	ConfigDir string
	// Secrets are kept out of all that the plugin writes or answers.
	Secrets []string
}

// Options of a Supervisor. Zero fields take the defaults in brackets.
type Options struct {
	// RunDir holds the sockets; several hosts of one user may share it. It
	// must be short ($TMPDIR/earshot-<uid>).
	RunDir string
	// Logger (none) gets what happens to plugins, and what they write.
	Logger hclog.Logger
	// HostVersion is told to plugins.
	HostVersion string
	// Timezone is the IANA name of a zone to put times into words with (the host's).
	Timezone string
	// StartTimeout bounds the start of a plugin, with its config (10 s).
	StartTimeout time.Duration
	// StopDrain is what calls in flight are given when a plugin stops (10 s).
	StopDrain time.Duration
	Restart   Restart
	// Attach is the value of AttachVariable; empty starts all plugins.
	Attach string
}

// Supervisor keeps the processes of all listeners. Close it.
type Supervisor struct {
	opt Options
	log hclog.Logger
	dir *runDir
	// attached is the plugin that is not started here; nil if all are.
	attached *attachment
	random   func() float64
	// life ends when Close is called: starts are given up. patience ends when
	// Close may wait no longer: what still runs is killed.
	life, patience       context.Context
	endLife, endPatience context.CancelFunc
	// wg counts everything that runs in the background.
	wg sync.WaitGroup

	mu        sync.RWMutex
	listeners map[string]*listener
	closed    bool
}

// New makes the run folder and sweeps what dead hosts have left in it. It
// starts no process.
func New(opt Options) (*Supervisor, error) {
	opt.StartTimeout = orDefault(opt.StartTimeout, 10*time.Second)
	opt.StopDrain = orDefault(opt.StopDrain, 10*time.Second)
	opt.Restart = opt.Restart.withDefaults()
	if opt.Logger == nil {
		opt.Logger = hclog.NewNullLogger()
	}
	if opt.Timezone == "" {
		opt.Timezone = localZone()
	}
	attached, err := readAttachment(opt.Attach)
	if err != nil {
		return nil, err
	}
	dir, err := newRunDir(opt.RunDir)
	if err != nil {
		return nil, err
	}
	s := &Supervisor{opt: opt, log: opt.Logger.Named("plugin"), dir: dir, attached: attached, random: rand.Float64,
		listeners: make(map[string]*listener)}
	// Processes outlive the calls that start them: Close ends these two.
	s.life, s.endLife = context.WithCancel(context.Background())         //nolint:forbidigo // see above
	s.patience, s.endPatience = context.WithCancel(context.Background()) //nolint:forbidigo // see above
	return s, nil
}

// Reload makes specs the listeners that there are. A listener that is gone
// stops in the background once its calls have ended; one that has changed, or
// whose binary has, is replaced by a new process once that is ready. All others
// keep running. It starts nothing that was not running.
func (s *Supervisor) Reload(specs []Spec) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	old := s.listeners
	s.listeners = make(map[string]*listener, len(specs))
	for _, spec := range specs {
		l, ok := old[spec.Listener]
		if ok {
			l.change(spec)
		} else {
			l = newListener(s, spec)
		}
		s.listeners[spec.Listener] = l
		delete(old, spec.Listener)
	}
	for _, l := range old {
		l.close()
	}
}

// listener finds a listener by name.
func (s *Supervisor) listener(name string) (*listener, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if l, ok := s.listeners[name]; ok {
		return l, nil
	}
	err := errors.New("events.yaml has no such listener")
	if s.closed {
		err = ErrClosed
	}
	return nil, &UnavailableError{Listener: name, After: s.opt.Restart.First, Err: err}
}

// Close stops all plugins side by side, and returns when nothing is left of
// them. Calls in flight are given StopDrain; the end of ctx kills what still runs.
func (s *Supervisor) Close(ctx context.Context) error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	listeners := s.listeners
	s.listeners = nil
	s.mu.Unlock()
	if closed {
		return nil
	}
	s.endLife()
	stop := context.AfterFunc(ctx, s.endPatience)
	defer stop()
	for _, l := range listeners {
		l.close()
	}
	stopped := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-after(ctx, 2*killGrace):
		return fmt.Errorf("stop plugins: some were killed and have not ended: %w", context.Cause(ctx))
	}
	s.endPatience()
	return s.dir.close()
}

// after is closed d after ctx has ended.
func after(ctx context.Context, d time.Duration) <-chan struct{} {
	c := make(chan struct{})
	context.AfterFunc(ctx, func() { time.AfterFunc(d, func() { close(c) }) })
	return c
}
