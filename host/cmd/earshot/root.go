package main

import (
	"context"
	"fmt"
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/app"
	"github.com/earshot-host/earshot/host/internal/queue"
	"github.com/earshot-host/earshot/host/internal/settings"
)

// cli is what every command is given.
type cli struct {
	configFile string
	overrides  map[string]*string
	output     string
	times      string
	lang       string
	verbose    bool
}

func newRoot(ctx context.Context) *cobra.Command {
	c := &cli{overrides: make(map[string]*string)}
	root := &cobra.Command{
		Use:   "earshot",
		Short: "Hands events from a MySQL, MariaDB or SQLite queue to listener plugins",
		Long: `Earshot reads events from a table that applications insert into, looks up in
events.yaml who listens, and calls each listener: a plugin in a process of its own.`,
		Example: `  earshot demo                          see it work, without a database server
  earshot run                           work as a service
  earshot run --once --limit 20         one pass, for cron
  earshot queue list --status failed    what went wrong`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version,
	}
	root.SetContext(ctx)
	root.SetFlagErrorFunc(flagError)
	flags := root.PersistentFlags()
	flags.StringVar(&c.configFile, "config", "", "host.yaml to read (default ./host.yaml, then /etc/earshot/host.yaml)")
	flags.StringVarP(&c.output, "output", "o", "table", "how results are printed: table, json or jsonl")
	flags.StringVar(&c.times, "time", "iso", "how tables print times: iso (UTC) or relative")
	flags.StringVar(&c.lang, "lang", "", "what people are spoken to in: en or pt-BR (default: $LANG)")
	flags.BoolVarP(&c.verbose, "verbose", "v", false, "log every event")
	for _, k := range settings.Keys() {
		if k.Flag != "" {
			c.overrides[k.Name] = flags.String(k.Flag, "", k.Doc)
		}
	}
	root.AddCommand(c.run(), c.processEvents(), c.dispatch(), c.queue(), c.listener(), c.plugin(), c.config(), c.migrate(), c.doctor(), c.demo(), c.version())
	root.AddCommand(topics()...)
	checkArgs(root)
	return root
}

// checkArgs makes wrong arguments a usage error on cmd and all below it.
func checkArgs(cmd *cobra.Command) {
	if cmd.HasSubCommands() && cmd.RunE == nil {
		cmd.Args, cmd.RunE, cmd.DisableFlagsInUseLine = cobra.ArbitraryArgs, group, true
	}
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usage(fmt.Errorf("%w; see: %s --help", err, cmd.CommandPath()))
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		checkArgs(sub)
	}
}

// group is run when none of a group's commands was named. Left to itself, cobra
// takes a mistyped command below the first level for a wish for help.
func group(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	cmd.SuggestionsMinimumDistance = 2
	msg := fmt.Sprintf("%s has no command %q", cmd.CommandPath(), args[0])
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		msg += fmt.Sprintf("; did you mean %q?", near[0])
	}
	return usage(fmt.Errorf("%s; see: %s --help", msg, cmd.CommandPath()))
}

// given returns the settings that were given as flags, by the name of their key.
func (c *cli) given(cmd *cobra.Command) map[string]string {
	overrides := make(map[string]string)
	for _, k := range settings.Keys() {
		if k.Flag != "" && cmd.Flags().Changed(k.Flag) {
			overrides[k.Name] = *c.overrides[k.Name]
		}
	}
	return overrides
}

// settings reads host.yaml, the environment and the flags.
func (c *cli) settings(cmd *cobra.Command) (*settings.Settings, error) {
	set, err := settings.Load(c.configFile, os.LookupEnv, c.given(cmd))
	if err != nil {
		return nil, coded{exitConfig, err}
	}
	for _, w := range set.Warnings() {
		fmt.Fprintln(cmd.ErrOrStderr(), "earshot: "+w)
	}
	return set, nil
}

// open opens the queue for a command that only reads or writes rows.
func (c *cli) open(cmd *cobra.Command) (*queue.Store, error) {
	set, err := c.settings(cmd)
	if err != nil {
		return nil, err
	}
	store, err := app.OpenQueue(cmd.Context(), set)
	if err != nil {
		return nil, err
	}
	if err := store.Check(cmd.Context()); err != nil {
		store.Close()
		return nil, err
	}
	return store, nil
}

// logger writes to stderr. Without a terminal, a run that is meant for cron
// says nothing unless something is wrong.
func (c *cli) logger(set *settings.Settings, quiet bool) hclog.Logger {
	level := hclog.LevelFromString(set.Log.Level)
	if quiet && !isTerminal(os.Stderr) && level == hclog.Info {
		level = hclog.Warn
	}
	if c.verbose {
		level = hclog.Debug
	}
	return hclog.New(&hclog.LoggerOptions{
		Name: "earshot", Level: level, Output: os.Stderr,
		JSONFormat: set.Log.Format == "json",
	})
}

func isTerminal(f *os.File) bool { return isatty.IsTerminal(f.Fd()) }

func (c *cli) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			if c.output != "table" {
				return c.json(cmd, struct {
					Version string `json:"version"`
				}{version})
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "earshot "+version)
			return err
		},
	}
}
