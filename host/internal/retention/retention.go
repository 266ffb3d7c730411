// Package retention deletes what is old, a little at a time, beside running
// hosts: finished events with the records of their deliveries, or only their
// payloads. One host at a time does it.
package retention

import (
	"context"
	"time"

	"github.com/hashicorp/go-hclog"
)

// Store is the queue as retention sees it. Each of the three works on n events
// from an id on, and returns where to go on; zero at the end.
type Store interface {
	Lead(ctx context.Context, task string, d time.Duration) (bool, error)
	Prune(ctx context.Context, status string, age time.Duration, from int64, n int) (deleted int, next int64, err error)
	Scrub(ctx context.Context, age time.Duration, from int64, n int) (emptied int, next int64, err error)
	PruneOrphans(ctx context.Context, from int64, n int) (deleted int, next int64, err error)
}

// Policy says how long things are kept; zero is for ever.
type Policy struct {
	// Processed and Failed are the ages at which such events are deleted.
	Processed, Failed time.Duration
	// Scrub is the age at which processed events lose their payload.
	Scrub time.Duration
	// Orphans deletes the records of events that the application has deleted.
	Orphans bool
}

// Options of a Keeper. Zero values are the defaults.
type Options struct {
	Policy Policy
	Logger hclog.Logger
	// Every is the time between two passes; zero is 10 minutes.
	Every time.Duration
	// Pause is the time between two steps, so that other transactions get
	// their turn; zero is 50 ms.
	Pause time.Duration
	// Removed is told how many rows a step has deleted or emptied; nil is nobody.
	Removed func(what string, n int)
}

const (
	task = "retention"
	// leadFor is longer than any step, and short enough for another host to
	// take over soon.
	leadFor = 2 * time.Minute
	// stepSize is how many events one step looks at: a transaction of a few
	// milliseconds.
	stepSize = 500
	// wholeEvery is how often a pass begins at the first event again: what ends
	// late lies behind the place where the last pass stopped.
	wholeEvery = 24 * time.Hour
)

// Keeper makes passes. It is used by one goroutine.
type Keeper struct {
	store Store
	opt   Options
	tasks []*chore
	whole time.Time
}

// chore is one thing to do in a pass.
type chore struct {
	what string
	step func(ctx context.Context, from int64) (n int, next int64, err error)
	// from is where the last pass found nothing old any more.
	from int64
}

// New returns a Keeper of a store. It does nothing before Run or Pass.
func New(store Store, opt Options) *Keeper {
	if opt.Every == 0 {
		opt.Every = 10 * time.Minute
	}
	if opt.Pause == 0 {
		opt.Pause = 50 * time.Millisecond
	}
	if opt.Logger == nil {
		opt.Logger = hclog.NewNullLogger()
	}
	k := &Keeper{store: store, opt: opt}
	p := opt.Policy
	prune := func(status string, age time.Duration) {
		if age > 0 {
			k.add(status, func(ctx context.Context, from int64) (int, int64, error) {
				return store.Prune(ctx, status, age, from, stepSize)
			})
		}
	}
	prune("processed", p.Processed)
	prune("failed", p.Failed)
	if p.Orphans {
		k.add("orphans", func(ctx context.Context, from int64) (int, int64, error) {
			return store.PruneOrphans(ctx, from, stepSize)
		})
	}
	if p.Scrub > 0 && (p.Processed == 0 || p.Scrub < p.Processed) {
		k.add("payloads", func(ctx context.Context, from int64) (int, int64, error) {
			return store.Scrub(ctx, p.Scrub, from, stepSize)
		})
	}
	return k
}

func (k *Keeper) add(what string, step func(context.Context, int64) (int, int64, error)) {
	k.tasks = append(k.tasks, &chore{what: what, step: step})
}

// Run makes passes until ctx ends. A queue that is out of reach is left to the
// next pass.
func (k *Keeper) Run(ctx context.Context) {
	if len(k.tasks) == 0 {
		return
	}
	tick := time.NewTicker(k.opt.Every)
	defer tick.Stop()
	for {
		if err := k.Pass(ctx); err != nil && ctx.Err() == nil {
			k.opt.Logger.Warn("old events could not be deleted, will try again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Pass goes once over what is old. It does nothing while another host does it,
// and stops early, without an error, when ctx ends.
func (k *Keeper) Pass(ctx context.Context) error {
	if time.Since(k.whole) > wholeEvery {
		k.whole = time.Now()
		for _, c := range k.tasks {
			c.from = 0
		}
	}
	for _, c := range k.tasks {
		n, err := k.pass(ctx, c)
		if n > 0 {
			k.opt.Logger.Info("old events were removed", "what", c.what, "count", n)
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
	}
	return nil
}

func (k *Keeper) pass(ctx context.Context, c *chore) (total int, err error) {
	led := time.Time{}
	for {
		if time.Since(led) > leadFor/4 {
			led = time.Now()
			if leads, err := k.store.Lead(ctx, task, leadFor); err != nil || !leads {
				return total, err
			}
		}
		n, next, err := c.step(ctx, c.from)
		total += n
		if n > 0 && k.opt.Removed != nil {
			k.opt.Removed(c.what, n)
		}
		if err != nil || next == 0 {
			return total, err
		}
		c.from = next
		select {
		case <-ctx.Done():
			return total, nil
		case <-time.After(k.opt.Pause):
		}
	}
}
