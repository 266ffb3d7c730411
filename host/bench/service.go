package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// serve starts the host as a service; stop ends it and waits.
func (r *rig) serve(ctx context.Context) (stop func() error, err error) {
	_, stop, err = r.servePID(ctx)
	return stop, err
}

func (r *rig) servePID(ctx context.Context) (pid int, stop func() error, err error) {
	cmd := r.command(ctx, "run")
	if err := cmd.Start(); err != nil {
		return 0, nil, err
	}
	return cmd.Process.Pid, func() error {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			return err
		}
		_ = cmd.Wait() // a host that was told to stop says so by its exit code
		return nil
	}, nil
}

// until waits until a query gives want.
func (r *rig) until(ctx context.Context, stmt string, want int) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		got, err := r.count(ctx, stmt)
		if err != nil || got == want {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// idle is what a host with nothing to do costs.
type idle struct {
	queries float64 // a second
	cpu     float64 // share of a core
	rss     int64
}

func measureIdle(ctx context.Context, r *rig, d time.Duration) (i idle, err error) {
	if err := r.events("a=noop"); err != nil {
		return i, err
	}
	pid, stop, err := r.servePID(ctx)
	if err != nil {
		return i, err
	}
	defer func() { _ = stop() }()
	if err := pause(ctx, 3*time.Second); err != nil {
		return i, err
	}
	cpu0, err := cpuSeconds(pid)
	if err != nil {
		return i, err
	}
	asked0, err := r.questions(ctx)
	if err != nil {
		return i, err
	}
	if err := pause(ctx, d); err != nil {
		return i, err
	}
	asked1, err := r.questions(ctx)
	if err != nil {
		return i, err
	}
	cpu1, err := cpuSeconds(pid)
	if err != nil {
		return i, err
	}
	rss, err := residentBytes(pid)
	// One of the questions was our own.
	return idle{float64(asked1-asked0-1) / d.Seconds(), (cpu1 - cpu0) / d.Seconds(), rss}, err
}

// questions counts the statements that the server has been sent.
func (r *rig) questions(ctx context.Context) (n int, err error) {
	var name string
	err = r.db.QueryRowContext(ctx, "SHOW GLOBAL STATUS LIKE 'Questions'").Scan(&name, &n)
	return n, err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// cpuSeconds reads what a process has used, from proc(5).
func cpuSeconds(pid int) (float64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(fields[12])
	const ticksPerSecond = 100
	return float64(user+system) / ticksPerSecond, err
}

func residentBytes(pid int) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	pages, err := strconv.ParseInt(strings.Fields(string(data))[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
