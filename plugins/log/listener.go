package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/earshot-host/earshot/sdk"
)

// Listener appends events to a file.
type Listener struct {
	path    string
	payload bool
	now     func() time.Time
	mu      sync.Mutex
}

var (
	_ sdk.Listener   = (*Listener)(nil)
	_ sdk.Configurer = (*Listener)(nil)
	_ sdk.Checker    = (*Listener)(nil)
)

// config is the block of events.yaml.
type config struct {
	// Path is the file; a relative one starts at the folder of events.yaml.
	Path string `json:"path" jsonschema:"required"`
	// Payload writes the payload as well, with the personal data in it.
	Payload bool `json:"payload"`
}

// line is what is written for one event.
type line struct {
	Time           time.Time       `json:"time"`
	EventID        int64           `json:"event_id"`
	Event          string          `json:"event"`
	Attempt        int             `json:"attempt"`
	IdempotencyKey string          `json:"idempotency_key"`
	Payload        json.RawMessage `json:"payload,omitempty"`
}

// Configure reads the block; it does not touch the file.
func (l *Listener) Configure(_ context.Context, cfg sdk.Config) error {
	var c config
	if err := cfg.Decode(&c); err != nil {
		return err
	}
	if c.Path == "" {
		return sdk.At("path", errors.New("is missing: name the file to write to"))
	}
	if !filepath.IsAbs(c.Path) {
		c.Path = filepath.Join(cfg.Dir, c.Path)
	}
	l.path, l.payload, l.now = c.Path, c.Payload, time.Now
	return nil
}

// Check opens the file for writing and writes nothing.
func (l *Listener) Check(context.Context) error { return l.append(nil) }

// Handle writes one line. A line that could not be written is tried again.
func (l *Listener) Handle(_ context.Context, ev *sdk.Event) error {
	ln := line{
		Time: l.now().UTC(), EventID: ev.ID, Event: ev.Name, Attempt: ev.Attempt,
		IdempotencyKey: ev.IdempotencyKey,
	}
	if l.payload {
		ln.Payload = ev.Payload
	}
	data, err := json.Marshal(ln)
	if err != nil {
		return sdk.Permanent(fmt.Errorf("write the payload of %s as JSON: %w", ev.Name, err))
	}
	if ev.DryRun {
		return nil
	}
	return l.append(append(data, '\n'))
}

// append opens the file each time, so that a log rotation needs no signal.
func (l *Listener) append(data []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	// The lines can hold personal data: only the owner may read them.
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
