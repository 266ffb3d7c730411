package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

const (
	// maxGrace is how long before the delivery's end the program is asked to
	// stop: what it prints until it is killed still counts.
	maxGrace = time.Second
	// pipeGrace is how long the output of a program that ended is waited for:
	// something that it left behind may hold its pipes for ever.
	pipeGrace = 200 * time.Millisecond
	// lastWords is what is left to a program whose delivery was given up.
	lastWords = 100 * time.Millisecond
)

// stopAt is when the program is asked to stop; zero without a deadline.
func stopAt(ctx context.Context) time.Time {
	end, ok := ctx.Deadline()
	if !ok {
		return time.Time{}
	}
	return end.Add(-min(maxGrace, time.Until(end)/10))
}

// run is one run of the program.
type run struct {
	program string
	args    []string
	dir     string
	env     []string
	stdin   []byte
	// stop is when the program is asked to stop; zero leaves it to the context.
	stop   time.Time
	stdout *answers
	stderr *lines
}

// end is how a run ended.
type end struct {
	// code is the exit code, or -1 for a program that a signal ended.
	code   int
	signal syscall.Signal
	// stopped says why the program was told to stop; nil if it ended by itself.
	stopped error
}

// run returns when the program and all that it started in its process group
// are gone. Its error means that nothing was run.
func (r *run) run(ctx context.Context) (end, error) {
	cmd := exec.Command(r.program, r.args...)
	cmd.Dir, cmd.Env = r.dir, r.env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(r.stdin), r.stdout, r.stderr
	cmd.WaitDelay = pipeGrace
	cmd.SysProcAttr = ownGroup()

	started, ended := make(chan error), make(chan struct{})
	go func() {
		// The kernel ends the program with the thread that started it, which
		// must therefore not be one that Go may end.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(ended)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // the state says more
		}
	}()
	if err := <-started; err != nil {
		<-ended
		return end{}, err
	}
	group := -cmd.Process.Pid
	why := r.await(ctx, ended)
	if why != nil {
		_ = syscall.Kill(group, syscall.SIGTERM)
		timer := time.NewTimer(graceOf(ctx))
		defer timer.Stop()
		select {
		case <-ended:
		case <-timer.C:
		}
		_ = syscall.Kill(group, syscall.SIGKILL)
		<-ended
	}
	// What the program left behind goes with it.
	_ = syscall.Kill(group, syscall.SIGKILL)
	e := end{code: cmd.ProcessState.ExitCode(), stopped: why}
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		e.signal = ws.Signal()
	}
	return e, nil
}

var errTimeUp = errors.New("its time was up")

// await waits for the end of the program; its error says why to wait no longer.
func (r *run) await(ctx context.Context, ended <-chan struct{}) error {
	if !r.stop.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, r.stop, errTimeUp)
		defer cancel()
	}
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// graceOf is what a program that was asked to stop is given: what is left of
// the delivery's time, and hardly anything if nobody waits for the delivery.
func graceOf(ctx context.Context) time.Duration {
	if end, ok := ctx.Deadline(); ok && ctx.Err() == nil {
		return time.Until(end)
	}
	return lastWords
}

// String says how the run ended.
func (e end) String() string {
	switch {
	case e.signal == syscall.SIGKILL && e.stopped == nil:
		return "killed by signal 9 (often out of memory)"
	case e.signal != 0 && e.stopped == nil:
		return fmt.Sprintf("killed by signal %d (%s)", e.signal, e.signal)
	case e.stopped != nil:
		return fmt.Sprintf("stopped: %v", e.stopped)
	}
	return fmt.Sprintf("exit code %d", e.code)
}
