package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/earshot-host/earshot/sdk"
)

// ledger is a listener that writes down each call before it answers, and
// answers badly while it is told to.
type ledger struct{ cfg ledgerConfig }

type ledgerConfig struct {
	// Path is where calls are written down.
	Path string `json:"path"`
	// Bad is how it answers while Until does not exist: retry, permanent,
	// unavailable, exit, poison to exit at a payload that says so, or block to
	// answer only then.
	Bad   string `json:"bad"`
	Until string `json:"until"`
}

// entry is one line of a ledger.
type entry struct {
	// Step is begin, and done when the answer was good.
	Step        string `json:"step"`
	EventID     int64  `json:"event_id"`
	Key         string `json:"key"`
	Attempt     int    `json:"attempt"`
	Redelivered bool   `json:"redelivered"`
	Payload     string `json:"payload"`
	PID         int    `json:"pid"`
}

func (l *ledger) Configure(_ context.Context, cfg sdk.Config) error { return cfg.Decode(&l.cfg) }

func (l *ledger) Handle(ctx context.Context, ev *sdk.Event) error {
	e := entry{Step: "begin", EventID: ev.ID, Key: ev.IdempotencyKey, Attempt: ev.Attempt, Redelivered: ev.Redelivered, Payload: string(ev.Payload), PID: os.Getpid()}
	if err := l.write(e); err != nil {
		return err
	}
	if err := l.misbehave(ctx, ev); err != nil {
		return err
	}
	e.Step = "done"
	return l.write(e)
}

func (l *ledger) misbehave(ctx context.Context, ev *sdk.Event) error {
	if l.cfg.Bad == "" || exists(l.cfg.Until) {
		return nil
	}
	switch l.cfg.Bad {
	case "retry":
		return errors.New("the provider is down")
	case "permanent":
		return sdk.Permanent(errors.New("nobody of that name"))
	case "unavailable":
		return sdk.Unavailable(errors.New("password refused"), time.Hour)
	case "exit":
		os.Exit(3)
	case "poison":
		if strings.Contains(string(ev.Payload), "poison") {
			os.Exit(3)
		}
		return nil
	case "block":
		for tick := time.NewTicker(5 * time.Millisecond); !exists(l.cfg.Until); {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-tick.C:
			}
		}
		return nil
	}
	return sdk.Permanent(fmt.Errorf("bad: %q is not known", l.cfg.Bad))
}

// write appends in one call, so that lines of two processes never mix.
func (l *ledger) write(e entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(l.cfg.Path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(append(line, '\n'))
	return err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// entries reads the lines of a ledger with the given step; a ledger that was
// never written to has none.
func entries(t *testing.T, path, step string) []entry {
	t.Helper()
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []entry
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("%s: %v in %q", path, err, lines.Text())
		}
		if e.Step == step {
			out = append(out, e)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// perEvent counts entries by event.
func perEvent(es []entry) map[int64]int {
	out := make(map[int64]int)
	for _, e := range es {
		out[e.EventID]++
	}
	return out
}

// touch makes the file that tells a ledger to behave.
func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// installLedger puts this test binary into dir as the plugin "ledger".
func installLedger(t *testing.T, dir string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(dir, pluginPrefix+"ledger")
	if os.Link(self, target) == nil {
		return
	}
	// Another file system: copy.
	data, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(target, data, 0o755); err != nil {
		t.Fatal(err)
	}
}
