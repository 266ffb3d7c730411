package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/earshot-host/earshot/sdk"
)

// noop does nothing; slow does it for two seconds.
type noop struct{}

func (noop) Handle(context.Context, *sdk.Event) error { return nil }

// batch does nothing to many events at once.
type batch struct{ noop }

func (batch) HandleBatch(_ context.Context, evs []*sdk.Event) []error { return make([]error, len(evs)) }

// slow takes two seconds for a call.
type slow struct{}

func (slow) Handle(ctx context.Context, _ *sdk.Event) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(2 * time.Second):
		return nil
	}
}

// stamp writes when it was called into a file, one line an event.
type stamp struct {
	mu sync.Mutex
	f  *os.File
}

type stampConfig struct {
	Path string `json:"path"`
}

func (s *stamp) Configure(_ context.Context, cfg sdk.Config) (err error) {
	var c stampConfig
	if err := cfg.Decode(&c); err != nil {
		return err
	}
	s.f, err = os.OpenFile(c.Path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	return err
}

func (s *stamp) Handle(_ context.Context, ev *sdk.Event) error {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.f.WriteString(stampLine(ev.ID, now))
	return err
}

// serve plays the plugin that this binary was started as, if it was.
func serve() bool {
	name, ok := strings.CutPrefix(filepath.Base(os.Args[0]), pluginPrefix)
	if !ok {
		return false
	}
	switch name {
	case "batch":
		sdk.Serve(batch{}, sdk.Name(name))
	case "slow":
		sdk.Serve(slow{}, sdk.Name(name))
	case "stamp":
		sdk.Serve(&stamp{}, sdk.Name(name))
	default:
		sdk.Serve(noop{}, sdk.Name(name))
	}
	return true
}

const pluginPrefix = "earshot-listener-"
