package sdk

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

// hostGone is how long deliveries in flight may take to end once nobody hears
// the answer any more; with it no process outlives its host by two seconds.
const hostGone = 1500 * time.Millisecond

var errOnlyServes = errors.New("a plugin serves a listener and calls none")

// takeProcess makes the process one that only its host ends: an operator's
// signal to the whole group must not cut a delivery in two.
func (s *Service) takeProcess() {
	ignored := make(chan os.Signal, 1)
	// Notify and not Ignore: children would inherit an ignored signal.
	// SIGPIPE comes with the first line logged after the host is gone.
	signal.Notify(ignored, os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	slog.SetDefault(s.log)
}

// watchHost blocks until the host is gone and reports true. It reports false
// when stdin is no pipe, so that nothing can be learned from it.
func watchHost(stdin *os.File) bool {
	info, err := stdin.Stat()
	if err != nil || info.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0 {
		return false
	}
	// Whatever ends the copy, the pipe says no more than that it broke.
	_, _ = io.Copy(io.Discard, stdin)
	return true
}

// mutable is a writer that can be silenced for good.
type mutable struct {
	w     io.Writer
	muted atomic.Bool
}

func (m *mutable) mute() { m.muted.Store(true) }

func (m *mutable) Write(p []byte) (int, error) {
	if m.muted.Load() {
		return len(p), nil
	}
	return m.w.Write(p)
}
