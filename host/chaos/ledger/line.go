package ledger

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/earshot-host/earshot/host/chaos/check"
)

// line is one line of a ledger: a call begins, or ends.
type line struct {
	// Call joins a beginning to its end; it is unique within a process.
	Call int64 `json:"call"`
	// At is the wall clock in nanoseconds.
	At  int64 `json:"at"`
	PID int   `json:"pid"`
	// Process is when the process was configured, in nanoseconds: a PID is used again.
	Process int64 `json:"process,omitempty"`
	// Outcome is empty where a call begins, and so is all below where it ends.
	Outcome     check.Outcome `json:"outcome,omitempty"`
	Told        []string      `json:"told,omitempty"`
	Host        int           `json:"host,omitempty"`
	Event       int64         `json:"event,omitempty"`
	Listener    string        `json:"listener,omitempty"`
	Key         string        `json:"key,omitempty"`
	Attempt     int           `json:"attempt,omitempty"`
	Redelivered bool          `json:"redelivered,omitempty"`
	Order       string        `json:"order,omitempty"`
	Had         []string      `json:"had,omitempty"`
}

// Read returns all calls in the ledgers of dir, one file for each process.
func Read(dir string) ([]check.Call, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		return nil, err
	}
	var calls []check.Call
	for _, name := range files {
		if calls, err = readFile(calls, name); err != nil {
			return nil, fmt.Errorf("read ledger %s: %w", name, err)
		}
	}
	return calls, nil
}

func readFile(calls []check.Call, name string) ([]check.Call, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	begun := make(map[int64]int)
	for r := bufio.NewReader(f); ; {
		text, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			// A line without its end was being written when the process died:
			// the call that wrote it had not gone on.
			return calls, nil
		}
		if err != nil {
			return nil, err
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		if l.Outcome == "" {
			begun[l.Call] = len(calls)
			calls = append(calls, check.Call{
				Event: l.Event, Listener: l.Listener, Attempt: l.Attempt, Redelivered: l.Redelivered,
				PID: l.PID, Host: l.Host, Process: l.Process, Began: l.At, Had: l.Had,
			})
			continue
		}
		i, ok := begun[l.Call]
		if !ok {
			return nil, fmt.Errorf("call %d ends and has not begun", l.Call)
		}
		calls[i].Outcome, calls[i].Ended, calls[i].Told = l.Outcome, l.At, l.Told
	}
}
