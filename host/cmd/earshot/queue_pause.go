package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/queue"
)

const (
	resumeShort = "End a pause, or a hold of a listener that was unavailable"
	goesOn      = "%s goes on"
	notHeld     = "%s was not held back"
)

// change pauses or resumes one listener or event, and reports whether that
// made a difference.
type change = func(s *queue.Store, ctx context.Context, name string) (bool, error)

// switching is pause or resume.
type switching struct {
	use, short, long, done, already string
	listener, event                 change
}

func (c *cli) queuePause() *cobra.Command {
	return c.queueSwitch(switching{
		"pause", "Keep deliveries in the queue, on every host, until resumed",
		`Keeps deliveries of a listener, or of an event, in the queue, on every host. Events
go on being claimed and laid out; only the calls wait, and calls that run end as
they would. A pause is seen within a second.`,
		"%s is paused", "%s was paused already", (*queue.Store).Pause, (*queue.Store).PauseEvent,
	})
}

func (c *cli) queueResume() *cobra.Command {
	return c.queueSwitch(switching{
		"resume", resumeShort,
		`Ends the pause of a listener or an event, and what waited for it goes on. Of a
listener it also ends the hold that hosts have put on it since it could not work.`,
		goesOn, notHeld, (*queue.Store).Resume, (*queue.Store).ResumeEvent,
	})
}

// switched is what pause and resume say in JSON.
type switched struct {
	Listener string `json:"listener,omitempty"`
	Event    string `json:"event,omitempty"`
	Changed  bool   `json:"changed"`
}

func (c *cli) queueSwitch(sw switching) *cobra.Command {
	var listeners, events []string
	cmd := &cobra.Command{
		Use: sw.use, Short: sw.short, Long: sw.long, Args: cobra.NoArgs,
		Example: "  earshot queue " + sw.use + " --listener email\n  earshot queue " + sw.use + " --event 'appointment.*'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(listeners)+len(events) == 0 {
				return usage(errors.New("what? Give --listener or --event"))
			}
			for _, name := range events {
				if err := checkPattern(name); err != nil {
					return err
				}
			}
			if len(listeners) > 0 {
				if err := c.switchListeners(cmd, listeners, sw.done, sw.already, sw.listener); err != nil {
					return err
				}
			}
			if len(events) == 0 {
				return nil
			}
			return c.withQueue(cmd, func(store *queue.Store) error {
				for _, name := range events {
					changed, err := sw.event(store, cmd.Context(), name)
					if err != nil {
						return err
					}
					if err := c.saySwitched(cmd, switched{Event: name, Changed: changed}, sw.done, sw.already); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().StringSliceVar(&listeners, "listener", nil, "listeners, by their names in events.yaml")
	cmd.Flags().StringSliceVar(&events, "event", nil, "events; appointment.* stands for all that begin so")
	return cmd
}

func (c *cli) saySwitched(cmd *cobra.Command, s switched, done, already string) error {
	if c.output != "table" {
		return c.json(cmd, s)
	}
	said := already
	if s.Changed {
		said = done
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), c.say(said)+"\n", s.Listener+s.Event)
	return err
}

// switchListeners pauses or resumes the named listeners and says what that changed.
func (c *cli) switchListeners(cmd *cobra.Command, names []string, done, already string, do change) error {
	return c.withQueue(cmd, func(store *queue.Store) error {
		if err := c.knownListeners(cmd, store, names); err != nil {
			return err
		}
		for _, name := range names {
			changed, err := do(store, cmd.Context(), name)
			if err != nil {
				return err
			}
			if err := c.saySwitched(cmd, switched{Listener: name, Changed: changed}, done, already); err != nil {
				return err
			}
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
