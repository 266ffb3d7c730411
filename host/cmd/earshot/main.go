// Command earshot hands events from a MySQL, MariaDB or SQLite queue to
// listener plugins.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// version is set when the binary is built.
var version = "dev"

func main() {
	ctx, stop := interruptible()
	err := newRoot(ctx).ExecuteContext(ctx)
	stop()
	if err != nil && err.Error() != "" {
		fmt.Fprintln(os.Stderr, "earshot: "+err.Error())
	}
	os.Exit(exitCode(ctx, err))
}

// interrupted is the cause with which a signal ends the context.
type interrupted struct{ os.Signal }

func (s interrupted) Error() string { return "stopped by " + s.String() }

// interruptible ends its context at the first SIGINT or SIGTERM, so that work
// is given back; a second one ends the process at once.
func interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		s, ok := <-signals
		if !ok {
			return
		}
		cancel(interrupted{s})
		if s, ok = <-signals; ok {
			os.Exit(signalCode(s))
		}
	}()
	return ctx, func() { signal.Stop(signals); close(signals) }
}

func signalCode(s os.Signal) int {
	if s == syscall.SIGTERM {
		return exitTERM
	}
	return exitINT
}

func exitCode(ctx context.Context, err error) int {
	var s interrupted
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled) && errors.As(context.Cause(ctx), &s):
		return signalCode(s.Signal)
	}
	return codeOf(err)
}
