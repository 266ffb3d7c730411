// Package conformance checks that a plugin, in whatever language, behaves as
// the host needs it to. Authors use it through sdktest or `earshot plugin test`.
//
// Every delivery it makes is a dry run, so that nobody is told anything.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

const (
	// lifeLine is how long a plugin may outlive its host.
	lifeLine = 2 * time.Second
	// patience bounds every call of a check.
	patience = 10 * time.Second
)

// Result is what one check found.
type Result struct {
	Name string
	OK   bool
	// Detail says what was seen, and if not OK what to do about it.
	Detail string
}

// Session is one run of a plugin, ready to be called.
type Session struct {
	Client listenerv1.ListenerClient
	// Process is nil where the listener runs in the process of its test.
	Process *Process
	// Close ends the run.
	Close func() error
}

// Plugin is what is checked.
type Plugin struct {
	// Start starts one run, of which each check gets its own.
	Start func(ctx context.Context) (*Session, error)
	// Config is a configuration that the listener accepts; empty means {}.
	Config []byte
	// Dir is what relative paths in Config are relative to.
	Dir string
	// Event and Payload are one that the listener knows; without them, one
	// that no listener knows.
	Event   string
	Payload []byte
	// Slow names an event whose handler takes until its context ends, Panic
	// one whose handler panics. Without them those checks are not made.
	Slow, Panic string
}

// Binary is the plugin at path. What it logs goes to stderr.
func Binary(path string, stderr io.Writer) Plugin {
	return Plugin{Start: func(ctx context.Context) (*Session, error) {
		p, err := StartProcess(ctx, path, stderr)
		if err != nil {
			return nil, err
		}
		return &Session{Client: p.Client, Process: p, Close: p.Close}, nil
	}}
}

// Run makes all checks one after the other. One that fails does not end the
// others, unless the plugin does not start at all.
func Run(ctx context.Context, p Plugin) []Result {
	var results []Result
	for _, c := range checks() {
		if c.applies != nil && !c.applies(p) {
			continue
		}
		detail, err := p.check(ctx, c)
		if errors.Is(err, errInProcess) {
			continue
		}
		if err != nil {
			detail = err.Error()
		}
		results = append(results, Result{Name: c.name, OK: err == nil, Detail: detail})
		if err != nil && c.name == "start" {
			return results
		}
	}
	return results
}

// Failed lists the results that are not OK, one per line; empty means none.
func Failed(results []Result) string {
	var b strings.Builder
	for _, r := range results {
		if !r.OK {
			fmt.Fprintf(&b, "%s: %s\n", r.Name, r.Detail)
		}
	}
	return b.String()
}

func (p Plugin) check(ctx context.Context, c check) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 3*patience, fmt.Errorf("the check took more than %s", 3*patience))
	defer cancel()
	starting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, err := p.Start(starting)
	if err != nil {
		return "", err
	}
	detail, err := c.run(ctx, run{Plugin: p, Session: s, Client: s.Client})
	return detail, errors.Join(err, s.Close())
}

type check struct {
	name    string
	applies func(Plugin) bool
	run     func(context.Context, run) (string, error)
}

// run is one run of the plugin, in the hands of a check.
type run struct {
	Plugin
	*Session
	Client listenerv1.ListenerClient
}

// configure hands over the good configuration.
func (r run) configure(ctx context.Context) error {
	res, err := r.Client.Configure(ctx, r.block(r.config(), false))
	if err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	if faults := refusals(res); len(faults) > 0 {
		return fmt.Errorf("configure: the configuration was refused: %s", strings.Join(faults, "; "))
	}
	return nil
}

func (p Plugin) config() []byte {
	if len(p.Config) == 0 {
		return []byte("{}")
	}
	return p.Config
}

func (p Plugin) block(config []byte, validateOnly bool) *listenerv1.ConfigureRequest {
	return &listenerv1.ConfigureRequest{
		Listener: "conformance", Config: config, ValidateOnly: validateOnly,
		HostVersion: "conformance", Timezone: "UTC", ConfigDir: p.Dir,
	}
}

func refusals(res *listenerv1.ConfigureResponse) []string {
	var list []string
	for _, d := range res.GetDiagnostics() {
		if d.GetSeverity() == listenerv1.Diagnostic_SEVERITY_WARNING {
			continue
		}
		text := d.GetSummary()
		if d.GetPath() != "" {
			text = d.GetPath() + ": " + text
		}
		list = append(list, text)
	}
	return list
}

// event is one that the listener knows, if the author named it.
func (p Plugin) event(id int64) *listenerv1.Delivery {
	if p.Event == "" {
		return delivery(id, "conformance.unknown", []byte(`{}`))
	}
	return delivery(id, p.Event, p.Payload)
}

func delivery(id int64, name string, payload []byte) *listenerv1.Delivery {
	return &listenerv1.Delivery{
		IdempotencyKey: fmt.Sprintf("ev%d.conformance", id), EventId: id, EventName: name, Payload: payload,
		Attempt: 1, MaxAttempts: 3, DryRun: true,
	}
}

// handle makes one delivery and insists on an answer that the protocol knows.
func (r run) handle(ctx context.Context, d *listenerv1.Delivery) (*listenerv1.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	res, err := r.Client.Handle(ctx, &listenerv1.HandleRequest{Delivery: d})
	if err != nil {
		return nil, fmt.Errorf("no answer for event %q: %w; what happens to an event belongs in the outcome", d.GetEventName(), err)
	}
	o := res.GetOutcome()
	if _, ok := listenerv1.Outcome_Code_name[int32(o.GetCode())]; !ok || o.GetCode() == listenerv1.Outcome_CODE_UNSPECIFIED {
		return nil, fmt.Errorf("answer for event %q has code %d: set one of the outcome codes", d.GetEventName(), o.GetCode())
	}
	if o.GetCode() != listenerv1.Outcome_CODE_DELIVERED && o.GetMessage() == "" {
		return nil, fmt.Errorf("answer %s for event %q has no message: say why", o.GetCode(), d.GetEventName())
	}
	return o, nil
}
