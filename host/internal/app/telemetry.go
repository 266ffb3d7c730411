package app

import (
	"context"
	"net"
	"sync"

	"github.com/earshot-host/earshot/host/internal/telemetry"
)

// serve answers for metrics and health until ctx ends. An address that was not
// asked for and is taken, by another host on this machine, is no error.
func (a *App) serve(ctx context.Context, wg *sync.WaitGroup) error {
	addr := a.set.Metrics.Listen
	if addr == "" {
		return nil
	}
	started := make(chan error, 1)
	wg.Go(func() {
		listening := false
		err := a.metrics.Serve(ctx, addr, a.store, func(at net.Addr) {
			listening = true
			a.log.Info("metrics and health checks are served", "address", at.String())
			started <- nil
		})
		switch {
		case !listening:
			started <- err
		case err != nil:
			a.log.Error("metrics are served no longer", "error", err)
		}
	})
	err := <-started
	if err != nil && !a.set.Metrics.Asked {
		a.log.Info("metrics and health checks are not served; set metrics.listen to another address, or to off", "error", err)
		return nil
	}
	return err
}

// tell writes the textfile and pings the monitor after a run for cron. What
// fails is said, and changes nothing of the run.
func (a *App) tell(ctx context.Context, failed bool) {
	if path := a.set.Metrics.Textfile; path != "" {
		if err := a.metrics.WriteTextfile(path); err != nil {
			a.log.Warn("the textfile was not written", "error", err)
		}
	}
	if url := a.set.Metrics.Ping; url != "" {
		if err := telemetry.Ping(ctx, url, failed); err != nil {
			a.log.Warn("the monitor was not told", "error", err)
		}
	}
}
