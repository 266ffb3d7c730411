package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/app"
	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/queue"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// reply is what one listener answered.
type reply struct {
	Listener   string `json:"listener"`
	Outcome    string `json:"outcome"`
	Message    string `json:"message,omitempty"`
	ExternalID string `json:"external_id,omitempty"`
}

// dispatchSync calls the listeners of an event side by side, without the queue.
// With dryRun it only shows who they are.
func (c *cli) dispatchSync(cmd *cobra.Command, ev queue.New, dryRun bool) error {
	_, routes, err := c.registry(cmd, dryRun)
	if err != nil {
		return err
	}
	plan := routes.Plan(event.Event{Name: ev.Name, Payload: ev.Payload, Size: int64(len(ev.Payload))})
	if plan.Refused != "" {
		reason, _, _ := strings.Cut(plan.Refused, ", then run:")
		return coded{exitNotFound, errors.New(reason)}
	}
	results := make([]reply, len(plan.Targets))
	names := make([]string, len(plan.Targets))
	for i, t := range plan.Targets {
		names[i], results[i] = t.Listener, reply{Listener: t.Listener, Outcome: "would be told"}
	}
	if len(names) == 0 || dryRun {
		return c.printTold(cmd, results)
	}
	err = c.withListeners(cmd, names, func(ls *app.Listeners) error {
		var calls sync.WaitGroup
		for i, name := range names {
			calls.Go(func() { results[i] = call(cmd.Context(), ls, name, ev) })
		}
		calls.Wait()
		return c.printTold(cmd, results)
	})
	if err != nil {
		return err
	}
	return delivered(results)
}

func call(ctx context.Context, ls *app.Listeners, name string, ev queue.New) reply {
	o, err := ls.Try(ctx, name, ev.Name, ev.Payload, false)
	if err != nil {
		return reply{Listener: name, Outcome: "failed", Message: oneLine(err.Error())}
	}
	code := strings.ToLower(strings.TrimPrefix(o.GetCode().String(), "CODE_"))
	if o.GetCode() == listenerv1.Outcome_CODE_UNSPECIFIED {
		code = "failed"
	}
	return reply{name, code, o.GetMessage(), o.GetExternalId()}
}

func (c *cli) printTold(cmd *cobra.Command, results []reply) error {
	return list(c, cmd, results, "LISTENER OUTCOME ID MESSAGE", func(t reply) []string {
		return []string{t.Listener, t.Outcome, orDash(t.ExternalID), short(t.Message, 100)}
	})
}

// delivered is an error if not everybody was told.
func delivered(results []reply) error {
	broken := 0
	for _, t := range results {
		if t.Outcome != "delivered" && t.Outcome != "skipped" {
			broken++
		}
	}
	switch broken {
	case 0:
		return nil
	case len(results):
		return coded{exitFailed, errors.New("no listener has delivered")}
	}
	return coded{exitPartly, fmt.Errorf("%d of %d listeners have not delivered", broken, len(results))}
}

// awaitEvery is how often --wait looks.
const awaitEvery = 200 * time.Millisecond

// await waits until an event has been processed or has failed.
func (c *cli) await(cmd *cobra.Command, store *queue.Store, id int64, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
	defer cancel()
	for {
		row, deliveries, _, err := store.Show(cmd.Context(), id)
		if err != nil {
			return err
		}
		if row.Status == "processed" || row.Status == "failed" {
			results := make([]reply, len(deliveries))
			for i, d := range deliveries {
				results[i] = reply{d.Listener, string(d.State), d.Error, d.ExternalID}
			}
			if err := c.printTold(cmd, results); err != nil {
				return err
			}
			if row.Status == "failed" {
				return coded{exitFailed, fmt.Errorf("event %d failed: %s", id, oneLine(row.Error))}
			}
			return nil
		}
		select {
		case <-cmd.Context().Done():
			return cmd.Context().Err()
		case <-ctx.Done():
			return coded{exitFailed, fmt.Errorf("event %d is still %s after %s; is a host running? See: earshot queue show %d", id, row.Status, timeout, id)}
		case <-time.After(awaitEvery):
		}
	}
}
