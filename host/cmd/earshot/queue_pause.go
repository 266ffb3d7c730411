package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/queue"
)

func (c *cli) queuePause() *cobra.Command {
	return c.queueSwitch("pause", "Keep deliveries of a listener in the queue, on every host, until resumed", "%s is paused", "%s was paused already", (*queue.Store).Pause)
}

const (
	resumeShort = "End a pause, or a hold of a listener that was unavailable"
	goesOn      = "%s goes on"
	notHeld     = "%s was not held back"
)

func (c *cli) queueResume() *cobra.Command {
	return c.queueSwitch("resume", resumeShort, goesOn, notHeld, (*queue.Store).Resume)
}

// switched is what pause and resume say in JSON.
type switched struct {
	Listener string `json:"listener"`
	Changed  bool   `json:"changed"`
}

func (c *cli) queueSwitch(use, short, done, already string, do func(*queue.Store, context.Context, string) (bool, error)) *cobra.Command {
	var listeners []string
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		Long: short + `.
Events go on being claimed and laid out; only the calls wait. Calls that run end
as they would.`,
		Example: "  earshot queue " + use + " --listener email",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(listeners) == 0 {
				return usage(errors.New("--listener is missing: whose deliveries?"))
			}
			return c.switchListeners(cmd, listeners, done, already, do)
		},
	}
	cmd.Flags().StringSliceVar(&listeners, "listener", nil, "the listeners, by their names in events.yaml")
	return cmd
}

// switchListeners pauses or resumes the named listeners and says what that changed.
func (c *cli) switchListeners(cmd *cobra.Command, names []string, done, already string, do func(*queue.Store, context.Context, string) (bool, error)) error {
	return c.withQueue(cmd, func(store *queue.Store) error {
		if err := c.knownListeners(cmd, store, names); err != nil {
			return err
		}
		for _, name := range names {
			changed, err := do(store, cmd.Context(), name)
			if err != nil {
				return err
			}
			if c.output != "table" {
				if err := c.json(cmd, switched{name, changed}); err != nil {
					return err
				}
				continue
			}
			said := already
			if changed {
				said = done
			}
			fmt.Fprintf(cmd.OutOrStdout(), c.say(said)+"\n", name)
		}
		return nil
	})
}

// knownListeners refuses names that neither the queue nor events.yaml knows: a
// slip would pause nobody, and say that all is well.
func (c *cli) knownListeners(cmd *cobra.Command, store *queue.Store, names []string) error {
	rows, err := store.Listeners(cmd.Context())
	if err != nil {
		return err
	}
	have := make(map[string]bool)
	var words []string
	for _, r := range rows {
		have[r.Listener], words = true, append(words, r.Listener)
	}
	if _, routes, err := c.registry(cmd, true); err == nil {
		for _, name := range routes.Names() {
			if !have[name] {
				have[name], words = true, append(words, name)
			}
		}
	}
	for _, name := range names {
		if !have[name] {
			return coded{exitNotFound, fmt.Errorf("there is no listener %q%s", name, hint(name, words))}
		}
	}
	return nil
}
