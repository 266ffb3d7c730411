package app

import (
	"context"
	"os"
	"time"
)

// watchEvery is how often events.yaml is looked at. Its content is compared,
// not its time: editors and mounts replace files in too many ways to be told.
const watchEvery = 5 * time.Second

// watch reloads events.yaml on each signal, and when its content has changed,
// until ctx ends.
func (a *App) watch(ctx context.Context, signal <-chan os.Signal) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		asked := false
		select {
		case <-ctx.Done():
			return
		case <-signal:
			asked = true
		case <-tick.C:
		}
		a.reload(asked)
	}
}

// reload puts a changed events.yaml to use. A file with a mistake, or with a
// listener whose plugin is missing, changes nothing: the old one stays.
func (a *App) reload(asked bool) {
	routes, err := load(a.set, a.opt)
	if err == nil && routes.Hash == a.routes.Hash {
		if asked {
			a.log.Info("events.yaml has not changed", "file", a.set.Events)
		}
		return
	}
	if err == nil {
		specs, perr := a.specs(routes)
		if perr == nil {
			a.plugins.Reload(specs)
			a.dispatcher.Reload(routes)
			a.metrics.Reloaded(routes)
			a.routes, a.failed = routes, ""
			a.warn(routes)
			a.log.Info("events.yaml was reloaded", "file", a.set.Events, "listeners", len(routes.Listeners))
			return
		}
		err = perr
	}
	a.metrics.ReloadFailed()
	// The poll would say the same thing every few seconds.
	if asked || err.Error() != a.failed {
		a.failed = err.Error()
		a.log.Error("events.yaml cannot be used, the one before stays", "error", err)
	}
}
