package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/registry"
	"github.com/earshot-host/earshot/host/internal/settings"
	"github.com/earshot-host/earshot/host/internal/strictyaml"
)

func (c *cli) config() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check and show events.yaml and host.yaml",
		Long: `Reads both files and never asks the database. events.yaml is found by --events, else beside host.yaml,
else in this folder, else in /etc/earshot.`,
	}
	cmd.AddCommand(c.configValidate(), c.configShow(), c.configRoutes(), c.configSchema())
	return cmd
}

// registry reads both files for a command that starts nothing.
func (c *cli) registry(cmd *cobra.Command, skipSecrets bool) (*settings.Settings, *registry.Registry, error) {
	if err := c.checkOutput(); err != nil {
		return nil, nil, err
	}
	read := c.settings
	if skipSecrets {
		read = func(cmd *cobra.Command) (*settings.Settings, error) {
			return settings.LoadWithoutSecrets(c.configFile, os.LookupEnv, c.given(cmd))
		}
	}
	set, err := read(cmd)
	if err != nil {
		return nil, nil, err
	}
	routes, err := registry.Load(set.Events, registry.Options{LookupEnv: os.LookupEnv, SkipSecrets: skipSecrets})
	return set, routes, err
}

// checked is what config validate says in JSON.
type checked struct {
	Valid     bool               `json:"valid"`
	File      string             `json:"file,omitempty"`
	Listeners int                `json:"listeners"`
	Events    int                `json:"events"`
	Problems  []registry.Problem `json:"problems"`
	Warnings  []string           `json:"warnings"`
}

func (c *cli) configValidate() *cobra.Command {
	var skip, noPlugins bool
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check both files; exits 3 if one has a mistake",
		Long: `Reads both files, then starts each plugin that is installed here and holds the config of
its listeners against what it knows: its JSON Schema, and its own check. Nothing is
sent, and a plugin that is not installed is named and left out.`,
		Example: `  earshot config validate
  earshot config validate --events new.yaml --skip-secrets
  earshot config validate --no-plugins`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, routes, err := c.registry(cmd, skip)
			var warnings []string
			if err == nil {
				warnings = routes.Warnings()
				if !noPlugins {
					var more []string
					more, err = c.checkConfigs(cmd, set, routes, skip)
					warnings = append(warnings, more...)
				}
			}
			var problems *registry.Errors
			if errors.As(err, &problems) && c.output != "table" {
				// The answer is on stdout; the exit code alone says the rest.
				return errors.Join(c.json(cmd, checked{Problems: problems.Problems, Warnings: append([]string{}, warnings...)}), coded{exitConfig, errors.New("")})
			}
			if c.output == "table" {
				for _, w := range warnings {
					fmt.Fprintln(cmd.ErrOrStderr(), "warning: "+w)
				}
			}
			if err != nil {
				return err
			}
			if c.output != "table" {
				return c.json(cmd, checked{
					Valid: true, File: set.Events, Listeners: len(routes.Names()), Events: len(routes.Events()),
					Problems: []registry.Problem{}, Warnings: append([]string{}, warnings...),
				})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is valid: %d listeners, %d events\n", set.Events, len(routes.Names()), len(routes.Events()))
			return err
		},
	}
	cmd.Flags().BoolVar(&skip, "skip-secrets", false, "do not read secrets: check a file where they are not")
	cmd.Flags().BoolVar(&noPlugins, "no-plugins", false, "start no plugin")
	return cmd
}

// shownConfig is all that a host goes by, with defaults applied and secrets hidden.
type shownConfig struct {
	Host      []settings.Value `json:"host"`
	Listeners []shownListener  `json:"listeners"`
	Events    []registry.Match `json:"events"`
}

type shownListener struct {
	Name        string            `json:"name"`
	Plugin      string            `json:"plugin"`
	SHA256      string            `json:"sha256,omitempty"`
	Timeout     string            `json:"timeout"`
	Concurrency int               `json:"concurrency"`
	Rate        string            `json:"rate,omitempty"`
	OrderBy     string            `json:"order_by,omitempty"`
	Retry       shownRetry        `json:"retry"`
	Payload     shownPayload      `json:"payload"`
	Env         map[string]string `json:"env,omitempty"`
	Config      json.RawMessage   `json:"config"`
}

type shownRetry struct {
	// MaxAttempts of zero leaves it to the event's row.
	MaxAttempts int     `json:"max_attempts,omitempty"`
	First       string  `json:"first"`
	Factor      float64 `json:"factor"`
	Max         string  `json:"max"`
	Jitter      float64 `json:"jitter"`
}

type shownPayload struct {
	Only []string `json:"only,omitempty"`
	Drop []string `json:"drop,omitempty"`
}

func showListener(l *registry.Listener) shownListener {
	s := shownListener{
		Name: l.Name, Plugin: l.Plugin + l.Path, SHA256: l.SHA256,
		Timeout: strictyaml.FormatDuration(l.Timeout), Concurrency: l.Concurrency, OrderBy: l.OrderBy,
		Retry: shownRetry{
			MaxAttempts: l.Retry.MaxAttempts, First: strictyaml.FormatDuration(l.Retry.First), Factor: l.Retry.Factor,
			Max: strictyaml.FormatDuration(l.Retry.Max), Jitter: l.Retry.Jitter,
		},
		Payload: shownPayload{Only: l.Only, Drop: l.Drop},
		Env:     l.ShownEnv(), Config: l.Shown,
	}
	if l.Rate.Events > 0 {
		// 1m0s is written as m.
		s.Rate = fmt.Sprintf("%d/%s", l.Rate.Events, strings.TrimLeft(strictyaml.FormatDuration(l.Rate.Per), "1"))
	}
	return s
}

func (c *cli) configShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Show what is in force: defaults applied, origins named, secrets hidden",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, routes, err := c.registry(cmd, true)
			if err != nil {
				return err
			}
			all := shownConfig{Host: set.Values(), Listeners: []shownListener{}, Events: routes.Routes()}
			for _, name := range routes.Names() {
				all.Listeners = append(all.Listeners, showListener(routes.Listeners[name]))
			}
			if c.output != "table" {
				return c.json(cmd, all)
			}
			return c.printConfig(cmd, all)
		},
	}
}

func (c *cli) printConfig(cmd *cobra.Command, all shownConfig) error {
	w := cmd.OutOrStdout()
	err := table(w, all.Host, "SETTING VALUE FROM", func(v settings.Value) []string {
		return []string{v.Name, orDash(v.Value), v.Source}
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(w)
	err = table(w, all.Listeners, "LISTENER PLUGIN TIMEOUT CALLS RATE ORDER_BY CONFIG", func(l shownListener) []string {
		return []string{l.Name, l.Plugin, l.Timeout, fmt.Sprint(l.Concurrency), orDash(l.Rate), orDash(l.OrderBy), short(string(l.Config), 100)}
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(w)
	return table(w, all.Events, "EVENT LISTENER WHEN", routeLine)
}

func routeLine(m registry.Match) []string {
	when := strings.Join(m.When, ", and ")
	if m.Listener == "" {
		when = m.Why
	}
	return []string{m.Entry, orDash(m.Listener), orDash(when)}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (c *cli) configRoutes() *cobra.Command {
	var payload string
	cmd := &cobra.Command{
		Use:   "routes [EVENT]",
		Short: "Show who is told of an event, and why; exits 9 if no entry matches",
		Example: `  earshot config routes
  earshot config routes appointment.saved --payload @saved.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && payload != "" {
				return usage(errors.New("--payload needs an event: earshot config routes EVENT --payload …"))
			}
			var body []byte
			if payload != "" {
				var err error
				if body, err = readPayload(payload, cmd.InOrStdin()); err != nil {
					return usage(err)
				}
			}
			set, routes, err := c.registry(cmd, true)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return list(c, cmd, routes.Routes(), "EVENT LISTENER WHEN", routeLine)
			}
			matches := routes.Explain(args[0], body)
			if len(matches) == 0 {
				return coded{exitNotFound, fmt.Errorf("no entry of events in %s matches %q%s", set.Events, args[0], routes.Nearest(args[0]))}
			}
			return list(c, cmd, matches, "LISTENER TOLD ENTRY WHY", func(m registry.Match) []string {
				told, why := "no", m.Why
				if m.Told {
					told, why = "yes", strings.Join(m.When, ", and ")
				}
				if m.Depends {
					told = "if"
				}
				return []string{orDash(m.Listener), told, m.Entry, orDash(why)}
			})
		},
	}
	cmd.Flags().StringVar(&payload, "payload", "", "a payload to try conditions on: a JSON object, @FILE, or - for standard input")
	return cmd
}
