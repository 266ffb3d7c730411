package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/earshot-host/earshot/sdk"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func configured(t *testing.T, block string) (*Listener, string) {
	t.Helper()
	l := &Listener{}
	dir := t.TempDir()
	if err := l.Configure(t.Context(), sdk.Config{JSON: []byte(block), Dir: dir}); err != nil {
		t.Fatal(err)
	}
	l.now = func() time.Time { return time.Date(2026, 1, 27, 14, 15, 0, 0, time.UTC) }
	return l, filepath.Join(dir, "events.jsonl")
}

func event() *sdk.Event {
	return &sdk.Event{
		ID: 12, Name: "appointment.saved", Attempt: 2, IdempotencyKey: "12-log",
		Payload: []byte("{\n  \"customer\": {\"email\": \"ana@example.com\"}, \"big\": 12345678901234567890\n}"),
	}
}

func TestHandleWritesALine(t *testing.T) {
	const head = `{"time":"2026-01-27T14:15:00Z","event_id":12,"event":"appointment.saved","attempt":2,"idempotency_key":"12-log"`
	tests := []struct{ name, block, want string }{
		{"without the payload", `{"path":"events.jsonl"}`, head + "}\n"},
		{"with the payload", `{"path":"events.jsonl","payload":true}`,
			head + `,"payload":{"customer":{"email":"ana@example.com"},"big":12345678901234567890}}` + "\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, path := configured(t, tt.block)
			for range 2 {
				if err := l.Handle(t.Context(), event()); err != nil {
					t.Fatal(err)
				}
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want+tt.want {
				t.Errorf("file holds\n%s\nwant twice\n%s", got, tt.want)
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode() != 0o600 {
				t.Errorf("file mode %s, want -rw-------", info.Mode())
			}
		})
	}
}

func TestHandleTogether(t *testing.T) {
	l, path := configured(t, `{"path":"events.jsonl","payload":true}`)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if err := l.Handle(t.Context(), event()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for sc := bufio.NewScanner(bytes.NewReader(data)); sc.Scan(); lines++ {
		if !json.Valid(sc.Bytes()) {
			t.Fatalf("line %d is torn: %s", lines+1, sc.Bytes())
		}
	}
	if lines != 50 {
		t.Errorf("%d lines, want 50", lines)
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	l, path := configured(t, `{"path":"events.jsonl"}`)
	ev := event()
	ev.DryRun = true
	if err := l.Handle(t.Context(), ev); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a dry run touched the file: %v", err)
	}
}

func TestPayloadThatIsNoJSONIsPermanent(t *testing.T) {
	l, path := configured(t, `{"path":"events.jsonl","payload":true}`)
	ev := event()
	ev.Payload = []byte(`{"customer":{"email":"ana@exa`)
	if err := l.Handle(t.Context(), ev); !sdk.IsPermanent(err) {
		t.Errorf("Handle = %v, want a permanent error", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half a line was written: %v", err)
	}
}

func TestFileThatCannotBeWrittenIsTriedAgain(t *testing.T) {
	l, _ := configured(t, `{"path":"missing/events.jsonl"}`)
	err := l.Handle(t.Context(), event())
	if err == nil || sdk.IsPermanent(err) {
		t.Errorf("Handle = %v, want an error that is tried again", err)
	}
	if err := l.Check(t.Context()); err == nil {
		t.Error("Check found nothing wrong")
	}
}

func TestConfigure(t *testing.T) {
	tests := []struct{ name, block, says string }{
		{"no path", `{}`, "path"},
		{"a key that is none", `{"path":"a","pth":"b"}`, "pth"},
		{"payload is no boolean", `{"path":"a","payload":"maybe"}`, "payload"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := new(Listener).Configure(t.Context(), sdk.Config{JSON: []byte(tt.block)})
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Configure = %v, want an error about %q", err, tt.says)
			}
		})
	}
}
