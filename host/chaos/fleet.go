package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/earshot-host/earshot/host/chaos/proxy"
)

// fleet keeps hosts running: what ends is started again.
type fleet struct {
	hosts  []*host
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// host is one place where a host runs, with its own way to the database.
type host struct {
	r     *rig
	name  string
	args  []string
	proxy *proxy.Proxy
	// pause is how long after its end it is started again.
	pause time.Duration

	mu  sync.Mutex
	pid int // zero while it does not run
}

// patience is how long a host may take to end: its drain time, what it waits
// for a queue out of reach, and room for a slow machine.
const patience = time.Minute

func newFleet(ctx context.Context, r *rig) (*fleet, error) {
	f := &fleet{}
	for i := range r.opt.services + r.opt.crons {
		server := r.servers[i%len(r.servers)]
		p, err := proxy.Listen(ctx, server.Addr())
		if err != nil {
			return f, err
		}
		h := &host{r: r, name: fmt.Sprintf("host-%d", i+1), args: []string{"run"}, proxy: p}
		if i >= r.opt.services {
			h.name = fmt.Sprintf("cron-%d", i+1-r.opt.services)
			h.args = []string{"run", "--once", "--limit", "200", "--max-time", "5s"}
			h.pause = 500 * time.Millisecond
		}
		f.hosts = append(f.hosts, h)
	}
	ctx, f.cancel = context.WithCancel(ctx)
	for _, h := range f.hosts {
		f.wg.Go(func() { h.keep(ctx) })
	}
	return f, nil
}

// close lets every host end in good order, and waits for it.
func (f *fleet) close() error {
	if f.cancel != nil {
		f.cancel()
	}
	hosts := f.hosts
	f.hosts = nil
	for _, h := range hosts {
		h.signal(syscall.SIGCONT)
		h.signal(syscall.SIGTERM)
	}
	late := time.AfterFunc(patience, func() {
		for _, h := range hosts {
			if h.signal(syscall.SIGKILL) {
				h.r.say("%s did not end within %s and was killed", h.name, patience)
			}
		}
	})
	f.wg.Wait()
	late.Stop()
	var errs []error
	for _, h := range hosts {
		errs = append(errs, h.proxy.Close())
	}
	return errors.Join(errs...)
}

// keep runs the host again and again until ctx ends.
func (h *host) keep(ctx context.Context) {
	for ctx.Err() == nil {
		start := time.Now()
		if err := h.run(); err != nil {
			h.r.say("%s: %v", h.name, err)
		}
		pause(ctx, h.pause+50*time.Millisecond)
		if time.Since(start) < time.Second {
			// It found no database. What keeps services running waits then, too.
			pause(ctx, time.Second)
		}
	}
}

// run runs the host to its end, whatever that is.
func (h *host) run() error {
	log, err := os.OpenFile(h.r.path("log", h.name+".log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := h.r.earshot(h.args...)
	dsn := h.r.servers[0].DSN(h.proxy.Addr(), database)
	cmd.Env = append(cmd.Env, "EARSHOT_DATABASE_DSN="+dsn, "EARSHOT_INSTANCE="+h.name)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	h.setPID(cmd.Process.Pid)
	err = cmd.Wait()
	h.setPID(0)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		// Killed, or its database was away: both are what is being tested.
		return nil
	}
	return err
}

func (h *host) setPID(pid int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pid = pid
}

func (h *host) process() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.pid
}

// signal reports false when the host does not run.
func (h *host) signal(sig syscall.Signal) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.pid != 0 && syscall.Kill(h.pid, sig) == nil
}

// plugins are the processes that the host has started.
func (h *host) plugins() []int {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", h.process()))
	if err != nil {
		return nil
	}
	var pids []int
	for _, name := range lists {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // the thread or the host has ended meanwhile
		}
		for _, field := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
