package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

const help = `%s is a listener for Earshot: a host starts it. Run by hand, it can

  describe                     say what it is, as JSON
  schema                       print the JSON Schema of its configuration
  validate -c CONFIG           check a configuration, a file of JSON
  run -c CONFIG -e EVENT       handle one event; --dry-run sends nothing
  debug                        serve, and print what attaches a host to it
  version                      print its version

EVENT is a file of JSON: {"name": "appointment.saved", "payload": {…}}; or, with
-name NAME, the payload alone. "-" reads standard input.
`

// Exit codes of a binary run by hand, those of the host's own command line.
const (
	exitOK       = 0
	exitFailed   = 1
	exitUsage    = 2
	exitBadBlock = 3
)

// byHand is the command line of a plugin that no host has started. It returns
// the exit code.
func byHand(ctx context.Context, l Listener, opts []Option, args []string, stdout, stderr io.Writer) int {
	h := &hand{service: NewService(ctx, l, append(opts, LogTo(stderr))...), opts: opts, listener: l, out: stdout, err: stderr}
	if len(args) == 0 {
		fmt.Fprintf(stderr, help, h.service.opts.name)
		return exitUsage
	}
	faces := map[string]func(context.Context, []string) error{
		"describe": h.describe, "schema": h.schema, "validate": h.validate, "run": h.run, "debug": h.debug, "version": h.version,
		"help": h.help, "-h": h.help, "--help": h.help,
	}
	face, ok := faces[args[0]]
	if !ok {
		fmt.Fprintf(stderr, "%q is unknown: it can %s\n", args[0], "describe, schema, validate, run, debug, version and help")
		return exitUsage
	}
	err := face(ctx, args[1:])
	var usage *usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.Is(err, errBadBlock):
		return exitBadBlock
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	fmt.Fprintln(stderr, err)
	return exitFailed
}

var errBadBlock = errors.New("the configuration was refused")

type usageError struct{ error }

// hand holds what the faces share.
type hand struct {
	service  *Service
	listener Listener
	opts     []Option
	out, err io.Writer
}

func (h *hand) help(context.Context, []string) error {
	fmt.Fprintf(h.out, help, h.service.opts.name)
	return nil
}

func (h *hand) version(context.Context, []string) error {
	fmt.Fprintf(h.out, "%s %s (earshot-go %s)\n", h.service.opts.name, h.service.opts.version, sdkVersion())
	return nil
}

func (h *hand) describe(ctx context.Context, _ []string) error {
	res, err := h.service.Describe(ctx, nil)
	if err != nil {
		return err
	}
	schema := res.GetConfigSchema()
	if schema == nil {
		schema = []byte("null")
	}
	return h.json(struct {
		Name         string          `json:"name"`
		Version      string          `json:"version"`
		Summary      string          `json:"summary"`
		SDK          string          `json:"sdk"`
		Capabilities []string        `json:"capabilities"`
		Schema       json.RawMessage `json:"config_schema"`
	}{res.GetName(), res.GetVersion(), res.GetSummary(), res.GetSdkName() + " " + res.GetSdkVersion(), res.GetCapabilities(), schema})
}

func (h *hand) schema(ctx context.Context, _ []string) error {
	res, err := h.service.Describe(ctx, nil)
	if err != nil {
		return err
	}
	if len(res.GetConfigSchema()) == 0 {
		fmt.Fprintln(h.out, "{}")
		return nil
	}
	return h.json(json.RawMessage(res.GetConfigSchema()))
}

func (h *hand) validate(ctx context.Context, args []string) error {
	fs := h.flags("validate")
	config := fs.String("c", "", "the configuration, a file of JSON")
	if err := parse(fs, args); err != nil {
		return err
	}
	if *config == "" {
		return &usageError{errors.New("say which configuration: validate -c config.json")}
	}
	if err := h.configure(ctx, *config, true); err != nil {
		return err
	}
	fmt.Fprintln(h.out, "the configuration is good")
	return nil
}

// configure reads the block of a file and hands it over; faults go to stderr.
func (h *hand) configure(ctx context.Context, file string, validateOnly bool) error {
	req := &listenerv1.ConfigureRequest{ValidateOnly: validateOnly, Timezone: time.Local.String()}
	if file != "" {
		data, err := read(file)
		if err != nil {
			return err
		}
		dir, err := filepath.Abs(filepath.Dir(file))
		if err != nil {
			return err
		}
		req.Config, req.ConfigDir = data, dir
	}
	res, err := h.service.Configure(ctx, req)
	if err != nil {
		return err
	}
	for _, d := range res.GetDiagnostics() {
		where := file
		if d.GetPath() != "" {
			where += ": " + d.GetPath()
		}
		fmt.Fprintf(h.err, "%s: %s\n", where, d.GetSummary())
	}
	if len(res.GetDiagnostics()) > 0 {
		return errBadBlock
	}
	return nil
}

// run hands one event over and prints the answer.
func (h *hand) run(ctx context.Context, args []string) error {
	fs := h.flags("run")
	config := fs.String("c", "", "the configuration, a file of JSON")
	event := fs.String("e", "", "the event, a file of JSON")
	name := fs.String("name", "", "the event's name; the file is the payload alone")
	dry := fs.Bool("dry-run", false, "do everything but send")
	timeout := fs.Duration("timeout", 30*time.Second, "how long the listener may take")
	if err := parse(fs, args); err != nil {
		return err
	}
	if *event == "" {
		return &usageError{errors.New("say which event: run -e event.json")}
	}
	delivery, err := deliveryOf(*event, *name)
	if err != nil {
		return err
	}
	delivery.DryRun = *dry
	if err := h.configure(ctx, *config, false); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	res, err := h.service.Handle(ctx, &listenerv1.HandleRequest{Delivery: delivery})
	if err != nil {
		return err
	}
	h.service.drain(ctx, hostGone)
	o := res.GetOutcome()
	data, err := protojson.Marshal(o)
	if err != nil {
		return err
	}
	if err := h.json(json.RawMessage(data)); err != nil {
		return err
	}
	if c := o.GetCode(); c != listenerv1.Outcome_CODE_DELIVERED && c != listenerv1.Outcome_CODE_SKIPPED {
		return errors.New("the event was not delivered")
	}
	return nil
}

func deliveryOf(file, name string) (*listenerv1.Delivery, error) {
	data, err := read(file)
	if err != nil {
		return nil, err
	}
	d := &listenerv1.Delivery{IdempotencyKey: "ev1.by-hand", EventId: 1, EventName: name, Payload: data, Attempt: 1, MaxAttempts: 1}
	if name != "" {
		return d, nil
	}
	var event struct {
		Name    string          `json:"name"`
		Payload json.RawMessage `json:"payload"`
	}
	if err := json.Unmarshal(data, &event); err != nil {
		return nil, fmt.Errorf("read the event of %s: %w", file, err)
	}
	if event.Name == "" || event.Payload == nil {
		return nil, fmt.Errorf("%s must hold a name and a payload; for a payload alone, say -name EVENT", file)
	}
	d.EventName, d.Payload = event.Name, event.Payload
	return d, nil
}

func (h *hand) flags(face string) *flag.FlagSet {
	fs := flag.NewFlagSet(h.service.opts.name+" "+face, flag.ContinueOnError)
	fs.SetOutput(h.err)
	return fs
}

func parse(fs *flag.FlagSet, args []string) error {
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return &usageError{err}
	}
	if fs.NArg() > 0 {
		return &usageError{fmt.Errorf("%q is one word too many", fs.Arg(0))}
	}
	return nil
}

func read(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(file)
}

func (h *hand) json(v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(h.out, "%s\n", data)
	return err
}
