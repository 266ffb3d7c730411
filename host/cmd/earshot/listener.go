package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/app"
	"github.com/earshot-host/earshot/host/internal/queue"
	"github.com/earshot-host/earshot/host/internal/registry"
	"github.com/earshot-host/earshot/host/internal/settings"
	"github.com/earshot-host/earshot/host/internal/supervisor"
)

func (c *cli) listener() *cobra.Command {
	cmd := &cobra.Command{Use: "listener", Short: "See the listeners of events.yaml, check and try them"}
	cmd.AddCommand(c.listenerList())
	for _, sub := range []*cobra.Command{c.listenerDescribe(), c.listenerCheck(), c.listenerTest(), c.listenerResume()} {
		sub.ValidArgsFunction = c.completeListeners
		cmd.AddCommand(sub)
	}
	return cmd
}

// completeListeners tells a shell the names that events.yaml has.
func (c *cli) completeListeners(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	_, routes, err := c.registry(cmd, true)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return routes.Names(), cobra.ShellCompDirectiveNoFileComp
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

// listedListener is a listener, how it stands, and who it is told of. One that
// events.yaml no longer has is listed while the queue knows of it.
type listedListener struct {
	queue.ListenerRow
	Plugin string   `json:"plugin,omitempty"`
	File   string   `json:"file,omitempty"`
	Events []string `json:"events"`
}

func (c *cli) listenerList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the listeners, how they stand, and their events", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, routes, err := c.registry(cmd, true)
			if err != nil {
				return err
			}
			store, err := c.open(cmd)
			if err != nil {
				return err
			}
			defer store.Close()
			standing, err := store.Listeners(cmd.Context())
			if err != nil {
				return err
			}
			return list(c, cmd, listed(set, routes, standing), "LISTENER STATE WAITING DEAD LAST_DELIVERED PLUGIN EVENTS WHY", func(l listedListener) []string {
				return []string{l.Listener, state(l.ListenerRow), counted(l.Open), counted(l.Dead), when(l.LastDelivered),
					orDash(l.Plugin), orDash(strings.Join(l.Events, ", ")), short(l.Reason, 80)}
			})
		},
	}
}

// listed joins what events.yaml says with what the queue knows.
func listed(set *settings.Settings, routes *registry.Registry, standing []queue.ListenerRow) []listedListener {
	byName := make(map[string]queue.ListenerRow)
	names := slices.Clone(routes.Names())
	for _, r := range standing {
		byName[r.Listener] = r
		if !slices.Contains(names, r.Listener) {
			names = append(names, r.Listener)
		}
	}
	out := []listedListener{}
	for _, name := range names {
		row, known := byName[name]
		if !known {
			row = queue.ListenerRow{Listener: name, State: "ready"}
		}
		out = append(out, place(set, listedListener{ListenerRow: row, Events: eventsOf(routes, name)}, routes.Listeners[name]))
	}
	return out
}

// place adds where the plugin is, or that there is none.
func place(set *settings.Settings, l listedListener, in *registry.Listener) listedListener {
	if in == nil {
		l.State, l.Reason = "gone", "events.yaml has no such listener: what waits for it stays in the queue"
		return l
	}
	l.Plugin, l.File = in.Plugin, in.Path
	if l.File != "" {
		return l
	}
	var err error
	if l.File, err = supervisor.Find(set.Plugins.Dirs, in.Plugin); err != nil {
		l.State, l.Reason = "missing", err.Error()
	}
	return l
}

func state(r queue.ListenerRow) string {
	switch {
	case r.State == "held" && r.HeldUntil != nil:
		return "held since " + when(r.HeldSince) + ", tries again " + when(r.HeldUntil)
	case r.State == "paused":
		return "paused since " + when(r.Paused)
	}
	return r.State
}

// counted prints a count that may stand for more.
func counted(n int) string {
	if n >= queue.MaxCount {
		return fmt.Sprintf("%d+", queue.MaxCount)
	}
	return fmt.Sprint(n)
}

func (c *cli) listenerResume() *cobra.Command {
	return &cobra.Command{
		Use: "resume NAME…", Short: resumeShort, Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.switchListeners(cmd, args, goesOn, notHeld, (*queue.Store).Resume)
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
