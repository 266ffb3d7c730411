package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/earshot-host/earshot/sdk"
)

// envelope is what the program reads on stdin.
type envelope struct {
	EventID        int64             `json:"event_id"`
	Event          string            `json:"event"`
	Listener       string            `json:"listener"`
	IdempotencyKey string            `json:"idempotency_key"`
	OccurredAt     *time.Time        `json:"occurred_at,omitempty"`
	Attempt        int               `json:"attempt"`
	MaxAttempts    int               `json:"max_attempts"`
	Redelivered    bool              `json:"redelivered"`
	DryRun         bool              `json:"dry_run"`
	Deadline       *time.Time        `json:"deadline,omitempty"`
	Receipts       map[string]string `json:"receipts"`
	Trace          map[string]string `json:"trace,omitempty"`
	Payload        json.RawMessage   `json:"payload"`
}

// envelope writes an event for the program. Digits and order of the payload
// stay as they are.
func (l *Listener) envelope(ev *sdk.Event, stop time.Time) ([]byte, error) {
	e := envelope{
		EventID: ev.ID, Event: ev.Name, Listener: l.name, IdempotencyKey: ev.IdempotencyKey,
		Attempt: ev.Attempt, MaxAttempts: ev.MaxAttempts, Redelivered: ev.Redelivered, DryRun: ev.DryRun,
		Receipts: make(map[string]string), Trace: ev.Trace, Payload: ev.Payload,
	}
	if len(ev.Payload) == 0 {
		e.Payload = json.RawMessage("null")
	}
	if !json.Valid(e.Payload) {
		return nil, sdk.Permanent(fmt.Errorf("the stored payload of %s is not JSON: the program was not run", ev.Name))
	}
	if !ev.OccurredAt.IsZero() {
		e.OccurredAt = &ev.OccurredAt
	}
	if !stop.IsZero() {
		stop = stop.UTC()
		e.Deadline = &stop
	}
	for _, r := range ev.Receipts() {
		e.Receipts[r.Key] = r.ExternalID
	}
	data, err := json.Marshal(e)
	if err != nil {
		return nil, sdk.Permanent(fmt.Errorf("write %s for the program: %w", ev.Name, err))
	}
	return append(data, '\n'), nil
}

// environ is this process's environment, which is the little that a host gives
// and the listener's env in events.yaml, less what is between host and plugin;
// and the event, for scripts that want no JSON.
func (l *Listener) environ(ev *sdk.Event, stop time.Time) []string {
	var env []string
	for _, kv := range os.Environ() {
		if !ofTheProtocol(kv) {
			env = append(env, kv)
		}
	}
	env = append(env,
		"EVENT_ID="+strconv.FormatInt(ev.ID, 10), "EVENT_NAME="+ev.Name, "LISTENER="+l.name,
		"IDEMPOTENCY_KEY="+ev.IdempotencyKey, "ATTEMPT="+strconv.Itoa(ev.Attempt), "MAX_ATTEMPTS="+strconv.Itoa(ev.MaxAttempts),
		"REDELIVERED="+bit(ev.Redelivered), "DRY_RUN="+bit(ev.DryRun),
	)
	if !ev.OccurredAt.IsZero() {
		env = append(env, "OCCURRED_AT="+ev.OccurredAt.UTC().Format(time.RFC3339))
	}
	if !stop.IsZero() {
		env = append(env, "DEADLINE="+strconv.FormatInt(stop.Unix(), 10))
	}
	for key, name := range map[string]string{"traceparent": "TRACEPARENT", "tracestate": "TRACESTATE"} {
		if ev.Trace[key] != "" {
			env = append(env, name+"="+ev.Trace[key])
		}
	}
	return env
}

func ofTheProtocol(kv string) bool {
	return strings.HasPrefix(kv, "PLUGIN_") || strings.HasPrefix(kv, "EARSHOT_LISTENER") || strings.HasPrefix(kv, "EARSHOT_ATTACH=")
}

func bit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
