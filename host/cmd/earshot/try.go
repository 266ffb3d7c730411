package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/app"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

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
	var event, payload, to, out string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "test NAME",
		Short: "Make one delivery that is in no queue, marked [TEST]",
		Long: `Hands the listener one event, without the queue. Without --payload it is the
sample of an appointment that the demo uses. With --to, the customer's e-mail or
phone becomes yours and everybody else's is taken out. Whatever the payload, a
service and a customer in it are marked [TEST]. With --dry-run nothing is sent;
with --out as well, a listener that has the key dry_run_dir writes there what it
would have sent.`,
		Example: `  earshot listener test email --dry-run --out preview
  earshot listener test email --to you@example.com
  earshot listener test whatsapp --to +5519955500142 --event appointment.deleted
  earshot listener test webhook --event order.paid --payload '{"id": 7}' --dry-run`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out != "" && !dryRun {
				return usage(errors.New("--out goes with --dry-run: what is sent is not written to a folder"))
			}
			body, err := testPayload(cmd, event, payload)
			if err != nil {
				return usage(err)
			}
			if body, err = markTest(body, to); err != nil {
				return usage(err)
			}
			return c.withListeners(cmd, args, func(ls *app.Listeners) error {
				if out != "" {
					dir, err := filepath.Abs(out)
					if err != nil {
						return err
					}
					if err := ls.SetConfig(args[0], "dry_run_dir", dir); err != nil {
						return err
					}
				}
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
	cmd.Flags().StringVar(&out, "out", "", "with --dry-run: the folder to write to")
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
