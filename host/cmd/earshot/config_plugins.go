package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/config"
	"github.com/earshot-host/earshot/host/internal/app"
	"github.com/earshot-host/earshot/host/internal/registry"
	"github.com/earshot-host/earshot/host/internal/schema"
	"github.com/earshot-host/earshot/host/internal/settings"
	"github.com/earshot-host/earshot/host/internal/supervisor"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// secretShown stands for a secret in what a registry shows.
const secretShown = "<secret>"

// checkConfigs asks each plugin about the config of its listeners. Its error is
// a *registry.Errors if something is wrong in the file.
func (c *cli) checkConfigs(cmd *cobra.Command, set *settings.Settings, routes *registry.Registry, skipSecrets bool) (warnings []string, err error) {
	var faults []registry.ConfigFault
	var broken []error
	for _, name := range routes.Names() {
		l := routes.Listeners[name]
		path := l.Path
		if path == "" {
			path, err = supervisor.Find(set.Plugins.Dirs, l.Plugin)
		} else {
			_, err = os.Stat(path)
		}
		if err != nil {
			warnings = append(warnings, fmt.Sprintf("listeners.%s: its plugin is not installed here, and its config was not checked: %v", name, err))
			continue
		}
		spec := supervisor.Spec{
			Listener: name, Path: path, Env: l.Env, SHA256: l.SHA256, Config: l.Config, ConfigDir: routes.Dir, Secrets: routes.Secrets(),
		}
		opt := supervisor.Options{RunDir: set.RunDir, Logger: c.logger(set, true), HostVersion: version}
		about, said, err := supervisor.Examine(cmd.Context(), opt, spec)
		if err != nil {
			broken = append(broken, fmt.Errorf("%w of listener %s: %w", app.ErrPlugin, name, err))
			continue
		}
		if skipSecrets {
			said = nil // it was shown what stands for a secret
		}
		found, more := configFaults(routes, l, about, said)
		faults, warnings = append(faults, found...), append(warnings, more...)
	}
	if err := routes.At(faults); err != nil {
		return warnings, err
	}
	return warnings, errors.Join(broken...)
}

// configFaults joins what a plugin's schema refuses and what the plugin says
// itself. Of one place, the plugin knows more about a value, the schema about a key.
func configFaults(routes *registry.Registry, l *registry.Listener, about *listenerv1.DescribeResponse, said []*listenerv1.Diagnostic) (faults []registry.ConfigFault, warnings []string) {
	if s := about.GetConfigSchema(); len(s) > 0 {
		found, err := schema.Check(s, l.Shown, secretShown)
		if err != nil {
			warnings = append(warnings, fmt.Sprintf("listeners.%s: %v", l.Name, err))
		}
		for _, f := range found {
			faults = append(faults, registry.ConfigFault{Listener: l.Name, Path: f.Path, Key: f.Key, Message: f.Message, Hint: f.Hint})
		}
	}
	for _, d := range said {
		f := registry.ConfigFault{Listener: l.Name, Path: routes.ConfigPath(l.Name, d.GetPath()), Message: d.GetSummary()}
		if d.GetSeverity() == listenerv1.Diagnostic_SEVERITY_WARNING {
			warnings = append(warnings, fmt.Sprintf("listeners.%s.config.%s: %s", l.Name, strings.Join(f.Path, "."), f.Message))
			continue
		}
		same := slices.IndexFunc(faults, func(o registry.ConfigFault) bool { return slices.Equal(o.Path, f.Path) })
		switch {
		case same < 0:
			faults = append(faults, f)
		case !faults[same].Key:
			faults[same] = f
		}
	}
	return faults, warnings
}

func (c *cli) configSchema() *cobra.Command {
	var noPlugins bool
	cmd := &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of events.yaml, for editors",
		Long: `Starts each plugin that is installed, so that editors complete and check
listeners.<name>.config as well. Write it beside events.yaml, whose first line names it:

  # yaml-language-server: $schema=./events.schema.json`,
		Example: `  earshot config schema >events.schema.json`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := config.Schema()
			if !noPlugins {
				plugins, err := c.schemas(cmd)
				if err != nil {
					return err
				}
				if len(plugins) > 0 {
					if out, err = schema.Merge(out, plugins); err != nil {
						return err
					}
				}
			}
			_, err := cmd.OutOrStdout().Write(out)
			return err
		},
	}
	cmd.Flags().BoolVar(&noPlugins, "no-plugins", false, "start no plugin: the schema without what they know")
	return cmd
}

// schemas asks every installed plugin for its schema. One that does not tell
// is named on stderr and left out.
func (c *cli) schemas(cmd *cobra.Command) (map[string][]byte, error) {
	set, err := settings.LoadWithoutSecrets(c.configFile, os.LookupEnv, c.given(cmd))
	if err != nil {
		return nil, err
	}
	plugins := make(map[string][]byte)
	for _, name := range supervisor.Names(set.Plugins.Dirs) {
		path, err := supervisor.Find(set.Plugins.Dirs, name)
		if err != nil {
			return nil, err
		}
		about, err := supervisor.Probe(cmd.Context(), supervisor.Options{RunDir: set.RunDir, Logger: c.logger(set, true), HostVersion: version}, path)
		if err != nil {
			fmt.Fprintf(cmd.ErrOrStderr(), "warning: the schema of plugin %s is left out: %v\n", name, err)
			continue
		}
		if s := about.GetConfigSchema(); len(s) > 0 {
			plugins[name] = s
		}
	}
	return plugins, nil
}
