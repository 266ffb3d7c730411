package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/app"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

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
