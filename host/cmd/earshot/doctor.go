package main

import (
	"context"
	"fmt"
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/app"
	"github.com/earshot-host/earshot/host/internal/doctor"
	"github.com/earshot-host/earshot/host/internal/migrate"
	"github.com/earshot-host/earshot/host/internal/registry"
	"github.com/earshot-host/earshot/host/internal/settings"
	"github.com/earshot-host/earshot/host/internal/supervisor"
)

// diagnosis is what doctor says in JSON.
type diagnosis struct {
	OK       bool             `json:"ok"`
	Findings []doctor.Finding `json:"findings"`
}

func (c *cli) doctor() *cobra.Command {
	var json, noPlugins bool
	cmd := &cobra.Command{
		Use: "doctor", Short: "Look for what is wrong, or soon will be, and say what to do", Args: cobra.NoArgs,
		Long: `Looks at both files, the database, its tables, clocks, rights and indexes, the events,
the plugins and the disk. It changes nothing and tells nobody anything; plugins
are started and asked whether they could deliver.

Exits 0 if the host can work, warnings or not; else with the code of the first
failure: 3 configuration, 4 database, 5 schema, 6 plugin, 1 anything else.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if json {
				c.output = "json"
			}
			if err := c.checkOutput(); err != nil {
				return err
			}
			d := diagnosis{OK: true, Findings: []doctor.Finding{}}
			code := exitOK
			c.examine(cmd, !noPlugins, func(f doctor.Finding) {
				d.Findings = append(d.Findings, f)
				if f.Level == doctor.Failed && d.OK {
					d.OK, code = false, areaCode(f.Area)
				}
				if c.output == "table" {
					c.printFinding(cmd, f)
				}
			})
			if c.output != "table" {
				if err := c.json(cmd, d); err != nil {
					return err
				}
			}
			if code != exitOK {
				return coded{code, fmt.Errorf("%s", c.say("the host cannot work like this"))}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&json, "json", false, "the same as -o json")
	cmd.Flags().BoolVar(&noPlugins, "no-plugins", false, "do not start plugins")
	return cmd
}

func areaCode(a doctor.Area) int {
	switch a {
	case doctor.Config:
		return exitConfig
	case doctor.Database:
		return exitDatabase
	case doctor.Schema:
		return exitSchema
	case doctor.Plugins:
		return exitPlugin
	}
	return exitFailed
}

func (c *cli) printFinding(cmd *cobra.Command, f doctor.Finding) {
	mark := map[doctor.Level]string{doctor.OK: "ok  ", doctor.Warning: "warn", doctor.Failed: "FAIL"}[f.Level]
	color := map[doctor.Level]string{doctor.OK: "32", doctor.Warning: "33", doctor.Failed: "31"}[f.Level]
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "%s  %s: %s\n", paint(w, color, mark), f.Check, f.Detail)
	if f.Fix != "" {
		fmt.Fprintf(w, "      → %s\n", f.Fix)
	}
}

// examine gathers what there is to look at; what cannot be had is a finding.
func (c *cli) examine(cmd *cobra.Command, plugins bool, report func(doctor.Finding)) {
	ctx := cmd.Context()
	set, err := settings.Load(c.configFile, os.LookupEnv, c.given(cmd))
	if err != nil {
		report(doctor.Finding{Area: doctor.Config, Check: "host.yaml", Level: doctor.Failed, Detail: err.Error(), Fix: "correct it; see: earshot config validate"})
		return
	}
	s := doctor.Subject{Settings: set}
	if s.Routes, err = registry.Load(set.Events, registry.Options{LookupEnv: os.LookupEnv}); err != nil {
		s.Routes = nil
		report(doctor.Finding{Area: doctor.Config, Check: "events.yaml", Level: doctor.Failed, Detail: err.Error(), Fix: "correct it; see: earshot config validate"})
	}
	store, err := app.OpenQueue(ctx, set)
	if err != nil {
		report(doctor.Finding{Area: doctor.Database, Check: "server", Level: doctor.Failed, Detail: err.Error(), Fix: "start the server, or correct database.dsn"})
	} else {
		defer store.Close()
		s.Store = store
		s.Missing = func(ctx context.Context) ([]string, error) {
			// Asking for the status would make this table.
			rows, err := store.SQL().QueryContext(ctx, "SELECT 1 FROM "+migrate.VersionTable+" WHERE 1 = 0")
			if err != nil {
				return []string{"all of them"}, nil
			}
			rows.Close()
			m, err := migrate.New(store.SQL(), set.Database.Driver, store.Adopted())
			if err != nil {
				return nil, err
			}
			states, err := m.Status(ctx)
			var missing []string
			for _, st := range states {
				if !st.Applied {
					missing = append(missing, st.File)
				}
			}
			return missing, err
		}
	}
	if s.Routes != nil {
		s.Path = func(name string) (string, error) {
			l := s.Routes.Listeners[name]
			if l.Path != "" {
				return l.Path, nil
			}
			return supervisor.Find(set.Plugins.Dirs, l.Plugin)
		}
		if plugins {
			s.Listener = func(ctx context.Context, name string) (bool, error) { return askListener(ctx, set, name) }
		}
	}
	doctor.Examine(ctx, s, report)
}

// askListener starts one listener's plugin, asks it, and stops it.
func askListener(ctx context.Context, set *settings.Settings, name string) (bool, error) {
	ls, err := app.OpenListeners(set, app.Options{Version: version, Logger: hclog.NewNullLogger(), LookupEnv: os.LookupEnv}, name)
	if err != nil {
		return false, err
	}
	tells, err := ls.Check(ctx, name)
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	if cerr := ls.Close(stop); err == nil {
		err = cerr
	}
	return tells, err
}
