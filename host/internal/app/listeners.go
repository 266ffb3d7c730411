package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/earshot-host/earshot/host/internal/registry"
	"github.com/earshot-host/earshot/host/internal/settings"
	"github.com/earshot-host/earshot/host/internal/supervisor"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// ErrNoListener says that events.yaml has no listener of that name.
var ErrNoListener = errors.New("no such listener")

// Listeners reaches the listeners of events.yaml by hand: without a queue, and
// without what was held or counted. Close it.
type Listeners struct {
	Routes  *registry.Registry
	plugins *supervisor.Supervisor
	specs   []supervisor.Spec
}

// OpenListeners finds the plugins of the named listeners, or of all. It starts
// none: each call below starts what it needs.
func OpenListeners(set *settings.Settings, opt Options, names ...string) (*Listeners, error) {
	routes, err := load(set, opt)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		names = routes.Names()
	}
	specs, err := specs(set, routes, names)
	if err != nil {
		return nil, err
	}
	plugins, err := supervisor.New(supervisor.Options{RunDir: set.RunDir, Logger: opt.Logger, HostVersion: opt.Version, StopDrain: set.Run.Drain, Attach: attach(opt)})
	if err != nil {
		return nil, err
	}
	plugins.Reload(specs)
	return &Listeners{Routes: routes, plugins: plugins, specs: specs}, nil
}

// Path is the file of a listener's plugin.
func (l *Listeners) Path(name string) string {
	for _, s := range l.specs {
		if s.Listener == name {
			return s.Path
		}
	}
	return ""
}

// SetConfig puts another value at the top of a listener's config, for the calls
// that follow. A plugin that does not know the key refuses it then.
func (l *Listeners) SetConfig(name, key, value string) error {
	for i, s := range l.specs {
		if s.Listener != name {
			continue
		}
		config := make(map[string]any)
		if err := json.Unmarshal(s.Config, &config); err != nil {
			return fmt.Errorf("read config of listener %s: %w", name, err)
		}
		config[key] = value
		var err error
		if l.specs[i].Config, err = json.Marshal(config); err != nil {
			return fmt.Errorf("change config of listener %s: %w", name, err)
		}
	}
	l.plugins.Reload(l.specs)
	return nil
}

// Describe starts a listener's plugin with its config and asks what it is; nil
// if it does not tell.
func (l *Listeners) Describe(ctx context.Context, name string) (*listenerv1.DescribeResponse, error) {
	about, err := l.plugins.Describe(ctx, name)
	return about, pluginError(err)
}

// Check asks a listener whether it could deliver now; nothing is sent. can is
// false where the plugin cannot tell, and was only started and configured.
func (l *Listeners) Check(ctx context.Context, name string) (can bool, err error) {
	health, err := l.plugins.Check(ctx, name)
	switch {
	case errors.Is(err, supervisor.ErrNoCheck):
		return false, nil
	case err != nil:
		return false, pluginError(err)
	case !health.GetHealthy():
		return true, fmt.Errorf("%w: %s", ErrPlugin, health.GetMessage())
	}
	return true, nil
}

// Try makes one delivery that is in no queue. What events.yaml keeps from the
// listener is kept from it here too.
func (l *Listeners) Try(ctx context.Context, name, event string, payload []byte, dryRun bool) (*listenerv1.Outcome, error) {
	listener := l.Routes.Listeners[name]
	payload, err := listener.Filter(payload)
	if err != nil {
		return nil, fmt.Errorf("payload cannot be filtered: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, listener.Timeout, fmt.Errorf("no answer in %s", listener.Timeout))
	defer cancel()
	// A key of its own for each try, or a provider would take it for a repeat.
	key := fmt.Sprintf("test%d.%s", time.Now().UnixNano(), name)
	outcome, err := l.plugins.Call(ctx, name, &listenerv1.Delivery{
		IdempotencyKey: key, EventName: event, Payload: payload, Attempt: 1, MaxAttempts: 1, DryRun: dryRun,
	})
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return outcome, pluginError(err)
}

// Close stops the plugins that were started.
func (l *Listeners) Close(ctx context.Context) error { return l.plugins.Close(ctx) }

func pluginError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrPlugin, err)
}
