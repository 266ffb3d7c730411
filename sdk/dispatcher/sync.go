package dispatcher

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// Result is what one listener answered to DispatchSync.
type Result struct {
	Listener string `json:"listener"`
	// Outcome is delivered, skipped, retry, rejected or unavailable; failed if
	// there was no answer.
	Outcome string `json:"outcome"`
	// Message says why, unless it was delivered.
	Message    string `json:"message,omitempty"`
	ExternalID string `json:"external_id,omitempty"`
}

// ErrNotDelivered says that at least one listener has not delivered; the
// results tell which.
var ErrNotDelivered = errors.New("not every listener has delivered")

// DispatchSync calls the listeners of an event now, through the host's command,
// and returns when all have answered or ctx ends. The event is in no queue:
// what fails is not tried again, and nothing is known of it afterwards.
func (d *Dispatcher) DispatchSync(ctx context.Context, name string, payload any) ([]Result, error) {
	body, err := d.check(name, payload)
	if err != nil {
		return nil, err
	}
	args := append(d.opt.Command[1:len(d.opt.Command):len(d.opt.Command)], "dispatch", name, "--payload", "-", "--sync", "-o", "json")
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, d.opt.Command[0], args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(body), &out, &errs
	err = cmd.Run()
	var results []Result
	if jerr := json.Unmarshal(out.Bytes(), &results); jerr != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err == nil {
			err = jerr
		}
		return nil, fmt.Errorf("dispatch %s now: %w: %s", name, err, strings.TrimSpace(errs.String()))
	}
	if err != nil {
		return results, fmt.Errorf("dispatch %s now: %w", name, ErrNotDelivered)
	}
	return results, nil
}
