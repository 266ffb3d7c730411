package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/config"
	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/registry"
)

func (c *cli) config() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Check and show events.yaml and host.yaml"}
	cmd.AddCommand(c.configValidate(), c.configShow(), c.configRoutes(), c.configSchema())
	return cmd
}

// registry reads events.yaml for a command that calls no plugin.
func (c *cli) registry(cmd *cobra.Command, skipSecrets bool) (*registry.Registry, error) {
	if err := c.checkOutput(); err != nil {
		return nil, err
	}
	set, err := c.settings(cmd)
	if err != nil {
		return nil, err
	}
	return registry.Load(set.Events, registry.Options{LookupEnv: os.LookupEnv, SkipSecrets: skipSecrets})
}

func (c *cli) configValidate() *cobra.Command {
	var skip bool
	cmd := &cobra.Command{
		Use: "validate", Short: "Check both files without using anything; exits 3 on a mistake", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			routes, err := c.registry(cmd, skip)
			if err != nil {
				return err
			}
			for _, w := range routes.Warnings() {
				fmt.Fprintln(cmd.ErrOrStderr(), "warning: "+w)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "valid: %d listeners, %d events\n", len(routes.Names()), len(routes.Events()))
			return err
		},
	}
	cmd.Flags().BoolVar(&skip, "skip-secrets", false, "do not read secrets, to check a file where they are not")
	return cmd
}

// shownListener is a listener with its defaults applied and its secrets hidden.
type shownListener struct {
	Name        string          `json:"name"`
	Plugin      string          `json:"plugin"`
	Timeout     string          `json:"timeout"`
	Concurrency int             `json:"concurrency"`
	OrderBy     string          `json:"order_by,omitempty"`
	Config      json.RawMessage `json:"config"`
}

func (c *cli) configShow() *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Show the listeners with all defaults; secrets are hidden", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			routes, err := c.registry(cmd, true)
			if err != nil {
				return err
			}
			var rows []shownListener
			for _, name := range routes.Names() {
				l := routes.Listeners[name]
				rows = append(rows, shownListener{l.Name, l.Plugin + l.Path, l.Timeout.String(), l.Concurrency, l.OrderBy, l.Shown})
			}
			return list(c, cmd, rows, "LISTENER PLUGIN TIMEOUT CONFIG", func(l shownListener) []string {
				return []string{l.Name, l.Plugin, l.Timeout, string(l.Config)}
			})
		},
	}
}

func (c *cli) configRoutes() *cobra.Command {
	var payload string
	cmd := &cobra.Command{
		Use: "routes [EVENT]", Short: "Show who is told of an event", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			routes, err := c.registry(cmd, true)
			if err != nil {
				return err
			}
			for _, name := range routes.Events() {
				if len(args) == 0 || args[0] == name {
					plan := routes.Plan(event.Event{Name: name, Payload: []byte("{}")})
					var names []string
					for _, t := range plan.Targets {
						names = append(names, t.Listener)
					}
					fmt.Fprintln(cmd.OutOrStdout(), name, strings.Join(names, " "), plan.Refused)
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&payload, "payload", "", "the payload to try: a JSON object, @FILE, or - for standard input")
	return cmd
}

func (c *cli) configSchema() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of events.yaml, for editors", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(config.Schema())
			return err
		},
	}
}
