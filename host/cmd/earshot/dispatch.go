package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/queue"
	"github.com/earshot-host/earshot/host/internal/registry"
)

// dispatchFlags say what becomes of the event.
type dispatchFlags struct {
	payload, at, in, key      string
	sync, wait, dryRun, lines bool
	timeout                   time.Duration
}

func (c *cli) dispatch() *cobra.Command {
	var f dispatchFlags
	cmd := &cobra.Command{
		Use:   "dispatch [EVENT]",
		Short: "Put an event in the queue, or call its listeners now",
		Long: `Puts an event in the queue and prints its id. With --wait it then waits until a
running host has told every listener. With --sync nothing is put in the queue:
the listeners are called now, and what fails is not tried again.

With --lines, standard input holds one event per line:
{"event": "order.paid", "payload": {…}, "in": "2h", "key": "order-7"}
All but event and payload may be left out.`,
		Example: `  earshot dispatch appointment.saved --payload @saved.json
  earshot dispatch reminder.due --payload '{"id": 7}' --in 2h --key reminder-7
  earshot dispatch order.paid --payload - --sync < order.json
  earshot dispatch --lines < events.jsonl`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			if f.lines {
				if len(args) > 0 || f.payload+f.at+f.in+f.key != "" || f.sync || f.wait || f.dryRun {
					return usage(errors.New("--lines takes everything from standard input: leave out the event and the other flags"))
				}
				return c.withQueue(cmd, func(store *queue.Store) error { return c.dispatchLines(cmd, store) })
			}
			ev, err := f.event(cmd, args)
			if err != nil {
				return err
			}
			switch {
			case f.sync || f.dryRun:
				return c.dispatchSync(cmd, ev, f.dryRun)
			default:
				return c.withQueue(cmd, func(store *queue.Store) error { return c.enqueue(cmd, store, ev, f) })
			}
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.payload, "payload", "", "the payload: a JSON object, @FILE, or - for standard input")
	flags.StringVar(&f.at, "at", "", "not before this time: 2026-05-01T09:30:00Z")
	flags.StringVar(&f.in, "in", "", "not before this time has passed: 30s, 2h")
	flags.StringVar(&f.key, "key", "", "what happened, by a name of your own: a second event with this key is not put in the queue")
	flags.BoolVar(&f.sync, "sync", false, "call the listeners now, without the queue; exits 7 if one has not delivered")
	flags.BoolVar(&f.wait, "wait", false, "wait until every listener has been told; exits 1 if one was not")
	flags.DurationVar(&f.timeout, "timeout", time.Minute, "how long --wait waits")
	flags.BoolVar(&f.dryRun, "dry-run", false, "only check the payload and show who would be told")
	flags.BoolVar(&f.lines, "lines", false, "read many events from standard input")
	return cmd
}

// event reads what the flags say of one event.
func (f *dispatchFlags) event(cmd *cobra.Command, args []string) (queue.New, error) {
	var ev queue.New
	if len(args) == 0 {
		return ev, usage(errors.New("which event? Give its name, such as appointment.saved, or --lines"))
	}
	if err := checkEventName(args[0]); err != nil {
		return ev, usage(err)
	}
	if err := checkKey(f.key); err != nil {
		return ev, usage(err)
	}
	in, err := delay(f.at, f.in)
	if err != nil {
		return ev, err
	}
	if now := f.sync || f.dryRun; now && (in > 0 || f.key != "" || f.wait) {
		return ev, usage(errors.New("--sync and --dry-run put nothing in the queue: leave out --at, --in, --key and --wait"))
	}
	if f.wait && in > 0 {
		return ev, usage(errors.New("--wait does not wait for a time that is to come: leave out --at and --in"))
	}
	body, err := readPayload(f.payload, cmd.InOrStdin())
	if err != nil {
		return ev, usage(err)
	}
	return queue.New{Name: args[0], Payload: body, In: in, Key: f.key}, nil
}

// enqueued is what dispatch says in JSON.
type enqueued struct {
	ID        int64  `json:"id"`
	Event     string `json:"event"`
	Duplicate bool   `json:"duplicate,omitempty"`
}

func (c *cli) enqueue(cmd *cobra.Command, store *queue.Store, ev queue.New, f dispatchFlags) error {
	out, err := store.Insert(cmd.Context(), []queue.New{ev})
	if err != nil {
		return err
	}
	in := out[0]
	if in.Duplicate {
		fmt.Fprintf(cmd.ErrOrStderr(), c.say("event %d has this key already, nothing was put in the queue")+"\n", in.ID)
	}
	if f.wait {
		return c.await(cmd, store, in.ID, f.timeout)
	}
	if c.output == "table" {
		_, err = fmt.Fprintln(cmd.OutOrStdout(), in.ID)
		return err
	}
	return c.json(cmd, enqueued{in.ID, ev.Name, in.Duplicate})
}

// checkEventName refuses what the table would cut or nobody could listen to.
func checkEventName(name string) error {
	if name == "" || len(name) > 100 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == '*' }) {
		return fmt.Errorf("%q is not an event name: it takes 1 to 100 printable ASCII characters, such as appointment.saved", name)
	}
	return nil
}

func checkKey(key string) error {
	if n := len([]rune(key)); n > 191 {
		return fmt.Errorf("the key has %d characters, more than the 191 that are kept", n)
	}
	return nil
}

func readPayload(flag string, stdin io.Reader) ([]byte, error) {
	var body []byte
	var err error
	switch {
	case flag == "":
		return nil, errors.New("--payload is missing: give a JSON object, @FILE, or - for standard input")
	case flag == "-":
		body, err = io.ReadAll(stdin)
	case strings.HasPrefix(flag, "@"):
		body, err = os.ReadFile(flag[1:])
	default:
		body = []byte(flag)
	}
	if err != nil {
		return nil, fmt.Errorf("read payload: %w", err)
	}
	return body, registry.CheckPayload(body)
}
