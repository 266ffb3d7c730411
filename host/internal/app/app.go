// Package app puts the parts of the host together: settings and registry in,
// a running dispatcher out. All wiring is here, so that commands and tests
// start the same product.
package app

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/earshot-host/earshot/host/internal/deliver"
	"github.com/earshot-host/earshot/host/internal/dispatch"
	"github.com/earshot-host/earshot/host/internal/gate"
	"github.com/earshot-host/earshot/host/internal/queue"
	"github.com/earshot-host/earshot/host/internal/registry"
	"github.com/earshot-host/earshot/host/internal/retention"
	"github.com/earshot-host/earshot/host/internal/settings"
	"github.com/earshot-host/earshot/host/internal/supervisor"
	"github.com/earshot-host/earshot/host/internal/telemetry"
)

// Options of an App, beyond its settings.
type Options struct {
	Version string
	Logger  hclog.Logger
	// LookupEnv reads secrets named in events.yaml.
	LookupEnv func(string) (string, bool)
	// Run says how this run ends; the rest of it is filled from the settings.
	Run dispatch.Options
}

// App is a host, ready to run. Close it.
type App struct {
	set        *settings.Settings
	opt        Options
	log        hclog.Logger
	routes     *registry.Registry
	store      *queue.Store
	plugins    *supervisor.Supervisor
	dispatcher *dispatch.Dispatcher
	metrics    *telemetry.Metrics
	// failed is the last reload's error, said once.
	failed string
}

// New reads events.yaml, finds every plugin, opens the queue and checks its
// tables. Nothing is claimed and no plugin is started before Run.
func New(ctx context.Context, set *settings.Settings, opt Options) (*App, error) {
	a := &App{set: set, opt: opt, log: opt.Logger}
	routes, err := load(set, opt)
	if err != nil {
		return nil, err
	}
	specs, err := a.specs(routes)
	if err != nil {
		return nil, err
	}
	if a.store, err = OpenQueue(ctx, set); err != nil {
		return nil, err
	}
	if err := a.store.Check(ctx); err != nil {
		return nil, errors.Join(err, a.store.Close())
	}
	if err := a.start(routes, specs); err != nil {
		return nil, errors.Join(err, a.store.Close())
	}
	return a, nil
}

// load reads events.yaml. A listener that somebody debugs has no deadline.
func load(set *settings.Settings, opt Options) (*registry.Registry, error) {
	attached, err := supervisor.Attached(attach(opt))
	if err != nil {
		return nil, err
	}
	return registry.Load(set.Events, registry.Options{LookupEnv: opt.LookupEnv, NoDeadline: attached})
}

// attach is what somebody who debugs a plugin has put into the environment.
func attach(opt Options) string {
	if opt.LookupEnv == nil {
		return ""
	}
	value, _ := opt.LookupEnv(supervisor.AttachVariable)
	return value
}

// OpenQueue opens the queue that the settings name.
func OpenQueue(ctx context.Context, set *settings.Settings) (*queue.Store, error) {
	return queue.Open(ctx, queue.Options{
		Driver: set.Database.Driver, DSN: set.Database.DSN.Reveal(), Table: set.Database.QueueTable,
		Host: set.Instance, Lease: set.Run.Lease, MaxPayload: set.MaxPayload,
	})
}

func (a *App) start(routes *registry.Registry, specs []supervisor.Spec) error {
	plugins, err := supervisor.New(supervisor.Options{
		RunDir: a.set.RunDir, Logger: a.log, HostVersion: a.opt.Version, StopDrain: a.set.Run.Drain, Attach: attach(a.opt),
	})
	if err != nil {
		return err
	}
	plugins.Reload(specs)
	run := a.opt.Run
	run.Batch, run.Poll, run.Lease, run.Drain = a.set.Run.Batch, a.set.Run.Poll, a.set.Run.Lease, a.set.Run.Drain
	run.MaxPayload, run.Logger = a.set.MaxPayload, a.log.Named("dispatch")
	limitMemory(len(specs))
	a.routes, a.plugins = routes, plugins
	a.warn(routes)
	a.metrics = telemetry.New(a.opt.Version)
	a.metrics.Reloaded(routes)
	queue := a.metrics.Queue(gate.New(a.store))
	a.dispatcher = dispatch.New(queue, queue, a.metrics.Deliverer(deliver.Deliverer{Caller: plugins}), routes, run)
	return nil
}

// warn says what events.yaml allows and probably does not mean.
func (a *App) warn(routes *registry.Registry) {
	for _, w := range routes.Warnings() {
		a.log.Warn(w)
	}
}

// closeWithin bounds what stopping the plugins may add to the drain time.
const closeWithin = 10 * time.Second

// Run works until ctx ends, or until nothing is due when asked to run once.
// Signals on reload read events.yaml anew.
func (a *App) Run(ctx context.Context, reload <-chan os.Signal) (dispatch.Summary, error) {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	// What the queue says of itself is asked for as long as somebody may ask.
	a.metrics.Watch(watching, a.store)
	if a.opt.Run.Once {
		return a.once(ctx)
	}
	var watcher sync.WaitGroup
	if err := a.serve(watching, &watcher); err != nil {
		return dispatch.Summary{}, err
	}
	watcher.Go(func() { a.watch(watching, reload) })
	watcher.Go(func() { a.keeper().Run(watching) })
	summary, err := a.dispatcher.Run(ctx)
	stop()
	watcher.Wait()
	return summary, err
}

// once makes one pass, for cron, and tells those who watch over it.
func (a *App) once(ctx context.Context) (dispatch.Summary, error) {
	summary, err := a.dispatcher.Run(ctx)
	if err == nil && ctx.Err() == nil {
		a.prune(ctx)
	}
	a.metrics.Ran(summary.Events, err)
	a.tell(context.WithoutCancel(ctx), err != nil)
	return summary, err
}

// pruneWithin is what a run for cron may add to delete what is old; the rest is
// left to the next run.
const pruneWithin = 2 * time.Second

func (a *App) prune(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, pruneWithin)
	defer cancel()
	if err := a.keeper().Pass(ctx); err != nil {
		a.log.Warn("old events could not be deleted, the next run tries again", "error", err)
	}
}

// keeper deletes what the settings do not keep, and records whose events the
// application has deleted.
func (a *App) keeper() *retention.Keeper {
	keep := a.set.Retention
	return retention.New(a.store, retention.Options{
		Policy: retention.Policy{Processed: keep.Processed, Failed: keep.Failed, Scrub: keep.Scrub, Orphans: true},
		Logger: a.log.Named("retention"), Removed: a.metrics.Removed,
	})
}

// Close stops the plugins and closes the queue.
func (a *App) Close() error {
	// What ended the run must not end the stopping.
	ctx, cancel := context.WithTimeout(context.Background(), a.set.Run.Drain+closeWithin) //nolint:forbidigo // see above
	defer cancel()
	return errors.Join(a.plugins.Close(ctx), a.store.Close())
}
