package app

import (
	"errors"
	"fmt"
	"strings"

	"github.com/earshot-host/earshot/host/internal/registry"
	"github.com/earshot-host/earshot/host/internal/settings"
	"github.com/earshot-host/earshot/host/internal/supervisor"
)

// ErrPlugin says that a plugin's binary is missing or cannot be used.
var ErrPlugin = errors.New("plugin")

// specs finds the binary of every listener, and reports all that are missing.
func (a *App) specs(routes *registry.Registry) ([]supervisor.Spec, error) {
	return specs(a.set, routes, routes.Names())
}

func specs(set *settings.Settings, routes *registry.Registry, names []string) ([]supervisor.Spec, error) {
	var specs []supervisor.Spec
	var missing []error
	for _, name := range names {
		l := routes.Listeners[name]
		if l == nil {
			return nil, fmt.Errorf("%w: events.yaml defines no listener %q; it has: %s", ErrNoListener, name, strings.Join(routes.Names(), ", "))
		}
		path := l.Path
		if path == "" {
			var err error
			if path, err = supervisor.Find(set.Plugins.Dirs, l.Plugin); err != nil {
				missing = append(missing, fmt.Errorf("%w of listener %s: %w", ErrPlugin, name, err))
				continue
			}
		}
		specs = append(specs, supervisor.Spec{
			Listener: name, Path: path, Env: l.Env, SHA256: l.SHA256, Config: l.Config,
			ConfigDir: routes.Dir, Secrets: routes.Secrets(),
		})
	}
	return specs, errors.Join(missing...)
}
