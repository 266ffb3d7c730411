package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/app"
	"github.com/earshot-host/earshot/host/internal/registry"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

func (c *cli) listener() *cobra.Command {
	cmd := &cobra.Command{Use: "listener", Short: "See the listeners of events.yaml, check and try them"}
	cmd.AddCommand(c.listenerList(), c.listenerDescribe(), c.listenerCheck(), c.listenerTest())
	return cmd
}

// stopWithin bounds the stopping of plugins that were started by hand.
const stopWithin = 10 * time.Second

// withListeners opens listeners for a command and stops their plugins after it.
func (c *cli) withListeners(cmd *cobra.Command, names []string, do func(*app.Listeners) error) (err error) {
	if err := c.checkOutput(); err != nil {
		return err
	}
	set, err := c.settings(cmd)
	if err != nil {
		return err
	}
	ls, err := app.OpenListeners(set, app.Options{Version: version, Logger: c.logger(set, true), LookupEnv: os.LookupEnv}, names...)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), stopWithin)
		defer cancel()
		err = errors.Join(err, ls.Close(ctx))
	}()
	return do(ls)
}

// listedListener is a listener and who it is told of.
type listedListener struct {
	Name   string   `json:"name"`
	Plugin string   `json:"plugin"`
	File   string   `json:"file"`
	Events []string `json:"events"`
}

func (c *cli) listenerList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the listeners, their plugins and their events", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withListeners(cmd, nil, func(ls *app.Listeners) error {
				rows := []listedListener{}
				for _, name := range ls.Routes.Names() {
					l := ls.Routes.Listeners[name]
					rows = append(rows, listedListener{name, l.Plugin, ls.Path(name), eventsOf(ls.Routes, name)})
				}
				return list(c, cmd, rows, "LISTENER PLUGIN FILE EVENTS", func(l listedListener) []string {
					return []string{l.Name, orDash(l.Plugin), l.File, orDash(strings.Join(l.Events, ", "))}
				})
			})
		},
	}
}

func eventsOf(routes *registry.Registry, listener string) []string {
	out := []string{}
	for _, m := range routes.Routes() {
		if m.Listener == listener {
			out = append(out, m.Entry)
		}
	}
	return out
}

// described is what is known of a listener and of its plugin.
type described struct {
	Listener     shownListener   `json:"listener"`
	Events       []string        `json:"events"`
	File         string          `json:"file"`
	Plugin       string          `json:"plugin,omitempty"`
	Version      string          `json:"version,omitempty"`
	Summary      string          `json:"summary,omitempty"`
	SDK          string          `json:"sdk,omitempty"`
	Capabilities []string        `json:"capabilities"`
	Schema       json.RawMessage `json:"config_schema,omitempty"`
}

func (c *cli) listenerDescribe() *cobra.Command {
	return &cobra.Command{
		Use: "describe NAME", Short: "Start a listener's plugin with its config and show what it is", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withListeners(cmd, args, func(ls *app.Listeners) error {
				about, err := ls.Describe(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				d := described{Listener: showListener(ls.Routes.Listeners[args[0]]), Events: eventsOf(ls.Routes, args[0]), File: ls.Path(args[0])}
				d.about(about)
				if c.output != "table" {
					return c.json(cmd, d)
				}
				return facts(cmd, []fact{
					{"listener", d.Listener.Name}, {"summary", d.Summary}, {"plugin", strings.TrimSpace(d.Plugin + " " + d.Version)}, {"file", d.File},
					{"SDK", d.SDK}, {"can", strings.Join(d.Capabilities, ", ")}, {"events", strings.Join(d.Events, ", ")},
					{"calls", fmt.Sprintf("%d at once, %s each", d.Listener.Concurrency, d.Listener.Timeout)},
					{"order", d.Listener.OrderBy}, {"rate", d.Listener.Rate}, {"config", string(d.Listener.Config)},
				})
			})
		},
	}
}

func (d *described) about(a *listenerv1.DescribeResponse) {
	d.Plugin, d.Version, d.Summary = a.GetName(), a.GetVersion(), a.GetSummary()
	d.SDK = strings.TrimSpace(a.GetSdkName() + " " + a.GetSdkVersion())
	d.Capabilities = append([]string{}, a.GetCapabilities()...)
	if json.Valid(a.GetConfigSchema()) {
		d.Schema = a.GetConfigSchema()
	}
}

// fact is one line of what is known of one thing.
type fact struct{ name, value string }

// facts prints what is known, leaving out what is not.
func facts(cmd *cobra.Command, all []fact) error {
	for _, f := range all {
		if f.value == "" {
			continue
		}
		if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%-9s %s\n", f.name, f.value); err != nil {
			return err
		}
	}
	return nil
}

// checkedListener is what a check found.
type checkedListener struct {
	Listener string `json:"listener"`
	OK       bool   `json:"ok"`
	Detail   string `json:"detail"`
}

func (c *cli) listenerCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check [NAME…]",
		Short: "Ask listeners, or all, whether they could deliver now; sends nothing",
		Long: `Starts each listener's plugin with its config and lets it connect and log in.
Nothing is sent to anybody. Exits 6 if one of them could not deliver.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withListeners(cmd, args, func(ls *app.Listeners) error {
				if len(args) == 0 {
					args = ls.Routes.Names()
				}
				var rows []checkedListener
				broken := 0
				for _, name := range args {
					can, err := ls.Check(cmd.Context(), name)
					row := checkedListener{name, err == nil, "could deliver now"}
					if !can {
						row.Detail = "starts and takes its config; it has no check of its own"
					}
					if err != nil {
						row.Detail = strings.TrimPrefix(err.Error(), app.ErrPlugin.Error()+": ")
						broken++
					}
					rows = append(rows, row)
				}
				err := list(c, cmd, rows, "LISTENER OK DETAIL", func(r checkedListener) []string {
					return []string{r.Listener, yesNo(r.OK), oneLine(r.Detail)}
				})
				if err == nil && broken > 0 {
					err = coded{exitPlugin, fmt.Errorf("%d of %d listeners could not deliver", broken, len(rows))}
				}
				return err
			})
		},
	}
}

// tried is what one delivery by hand came to.
type tried struct {
	Listener   string `json:"listener"`
	Event      string `json:"event"`
	Outcome    string `json:"outcome"`
	Message    string `json:"message,omitempty"`
	ExternalID string `json:"external_id,omitempty"`
	Told       int    `json:"told"`
}

func (c *cli) listenerTest() *cobra.Command {
	var event, payload, to string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "test NAME",
		Short: "Make one delivery that is in no queue, marked [TEST]",
		Long: `Hands the listener one event, without the queue. Without --payload it is the
sample of an appointment that the demo uses. With --to, the customer's e-mail or
phone becomes yours and everybody else's is taken out. Whatever the payload, a
service and a customer in it are marked [TEST].`,
		Example: `  earshot listener test email --to you@example.com
  earshot listener test whatsapp --to +5519955500142 --event appointment.deleted
  earshot listener test webhook --event order.paid --payload '{"id": 7}' --dry-run`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			body, err := testPayload(cmd, event, payload)
			if err != nil {
				return usage(err)
			}
			if body, err = markTest(body, to); err != nil {
				return usage(err)
			}
			return c.withListeners(cmd, args, func(ls *app.Listeners) error {
				o, err := ls.Try(cmd.Context(), args[0], event, body, dryRun)
				if err != nil {
					return err
				}
				return c.printTried(cmd, args[0], event, o)
			})
		},
	}
	cmd.Flags().StringVar(&event, "event", "appointment.saved", "the event's name")
	cmd.Flags().StringVar(&payload, "payload", "", "the payload: a JSON object, @FILE, or - for standard input")
	cmd.Flags().StringVar(&to, "to", "", "the e-mail address or phone number to deliver to")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "do everything but send")
	return cmd
}

func testPayload(cmd *cobra.Command, event, payload string) ([]byte, error) {
	if err := checkEventName(event); err != nil {
		return nil, err
	}
	if payload != "" {
		return readPayload(payload, cmd.InOrStdin())
	}
	body, err := demoFiles.ReadFile("demo/" + event + ".json")
	if err != nil {
		return nil, fmt.Errorf("there is no sample of %s: give a --payload", event)
	}
	return body, nil
}

func (c *cli) printTried(cmd *cobra.Command, name, event string, o *listenerv1.Outcome) error {
	code := strings.ToLower(strings.TrimPrefix(o.GetCode().String(), "CODE_"))
	t := tried{name, event, code, o.GetMessage(), o.GetExternalId(), len(o.GetReceipts())}
	var err error
	if c.output != "table" {
		err = c.json(cmd, t)
	} else {
		told := ""
		if t.Told > 0 {
			told = fmt.Sprint(t.Told)
		}
		err = facts(cmd, []fact{{"listener", name}, {"event", event}, {"outcome", code}, {"message", t.Message}, {"told", told}, {"id", t.ExternalID}})
	}
	if err == nil && o.GetCode() != listenerv1.Outcome_CODE_DELIVERED && o.GetCode() != listenerv1.Outcome_CODE_SKIPPED {
		err = coded{exitFailed, fmt.Errorf("listener %s did not deliver", name)}
	}
	return err
}
