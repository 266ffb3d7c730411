package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"
)

// measurement is one line of the table.
type measurement struct {
	name string
	// once says that it is measured a single time: it is long, or steady.
	once bool
	run  func(ctx context.Context, r *rig) (result, error)
	// driver is "mysql" where it is not said.
	driver string
}

// result is a figure to be compared, and what else was seen beside it.
type result struct {
	rate   float64
	unit   string
	beside string
}

func rate(events float64, beside string) result { return result{events, "events/s", beside} }

func measurements(opt options) []measurement {
	const size = 3000
	n := opt.events
	drainOf := func(n, size int, listeners ...string) func(context.Context, *rig) (result, error) {
		return func(ctx context.Context, r *rig) (result, error) {
			d, err := drain(ctx, r, n, size, listeners...)
			return rate(d.rate, fmt.Sprintf("host and plugins %.2f CPU s per 1,000 events, host %d MB", d.host, d.rss>>20)), err
		}
	}
	floorOf := func(batched bool) func(context.Context, *rig) (result, error) {
		return func(ctx context.Context, r *rig) (result, error) {
			d, err := floor(ctx, r, n, size, batched)
			return rate(d.rate, fmt.Sprintf("claim, call, complete and nothing else: %.2f CPU s per 1,000 events", d.host)), err
		}
	}
	return []measurement{
		{name: "bare floor, two listeners, unary", run: floorOf(false)},
		{name: "drain, two listeners, unary", run: drainOf(n, size, "a=noop", "b=noop")},
		{name: "bare floor, two listeners, batches", run: floorOf(true)},
		{name: "drain, two listeners, batches", run: drainOf(n, size, "a=batch", "b=batch")},
		{name: "drain, one listener, unary", run: drainOf(n, size, "a=noop")},
		{name: "bare floor, two listeners, unary, SQLite", driver: "sqlite", run: floorOf(false)},
		{name: "drain, two listeners, unary, SQLite", driver: "sqlite", run: drainOf(n, size, "a=noop", "b=noop")},
		{name: "drain, two listeners, batches, SQLite", driver: "sqlite", run: drainOf(n, size, "a=batch", "b=batch")},
		{name: "drain, 4 listeners, unary", once: true, run: drainOf(n/2, size, many(4)...)},
		{name: "drain, 16 listeners, unary", once: true, run: drainOf(n/4, size, many(16)...)},
		{name: "drain, payloads of 100 KB", once: true, run: drainOf(n/10, 100_000, "a=noop", "b=noop")},
		{name: "drain, 3 hosts", run: func(ctx context.Context, r *rig) (result, error) {
			f, err := hostsRate(ctx, r, 3, n, size)
			return rate(f, ""), err
		}},
		{name: "drain, a fast listener alone", run: func(ctx context.Context, r *rig) (result, error) {
			d, err := drain(ctx, r, n, size, "fast=noop")
			return rate(d.rate, ""), err
		}},
		{name: "drain, a fast listener beside one of 2 s a call", run: func(ctx context.Context, r *rig) (result, error) {
			f, err := besideSlow(ctx, r, n, size)
			return rate(f, ""), err
		}},
		{name: "drain, a snapshot held open", run: func(ctx context.Context, r *rig) (result, error) {
			release, err := r.snapshot(ctx)
			if err != nil {
				return result{}, err
			}
			d, err := drain(ctx, r, n, size, "a=noop", "b=noop")
			return rate(d.rate, ""), errors.Join(err, release())
		}},
		{name: fmt.Sprintf("drain, %d finished events", opt.big), once: true, run: func(ctx context.Context, r *rig) (result, error) {
			if err := r.finished(ctx, opt.big); err != nil {
				return result{}, err
			}
			d, err := drain(ctx, r, n, size, "a=noop", "b=noop")
			return rate(d.rate, ""), err
		}},
		{name: fmt.Sprintf("first 20 s of a backlog of %d", opt.big), once: true, run: func(ctx context.Context, r *rig) (result, error) {
			f, rss, err := backlogRate(ctx, r, opt.big, 20*time.Second)
			return rate(f, fmt.Sprintf("host %d MB", rss>>20)), err
		}},
		{name: "commit to handler at 50 events/s, outside producer", run: func(ctx context.Context, r *rig) (result, error) {
			l, err := measureLatency(ctx, r, 500, 50)
			return result{float64(l.p50.Microseconds()) / 1000, "ms p50", "p50 / p99 / max " + l.String()}, err
		}},
		{name: "idle host", once: true, run: func(ctx context.Context, r *rig) (result, error) {
			i, err := measureIdle(ctx, r, 20*time.Second)
			return result{i.queries, "queries/s", fmt.Sprintf("%.2f %% of a core, %d MB", 100*i.cpu, i.rss>>20)}, err
		}},
		{name: "cron run, nothing due", run: coldRun(0)},
		{name: "cron run, ten events", run: coldRun(10)},
	}
}

// coldRun measures a pass from start to end of the process.
func coldRun(events int) func(context.Context, *rig) (result, error) {
	return func(ctx context.Context, r *rig) (result, error) {
		if err := r.events("a=noop"); err != nil {
			return result{}, err
		}
		if events > 0 {
			if err := r.insert(ctx, events, 3000); err != nil {
				return result{}, err
			}
		}
		start := time.Now()
		u, err := r.run(ctx, "run", "--once", "--limit", "20")
		took := time.Since(start)
		if err != nil {
			return result{}, err
		}
		return result{float64(took.Microseconds()) / 1000, "ms", fmt.Sprintf("%d MB", u.peak>>20)}, nil
	}
}

// report runs all measurements and prints a line for each as it ends.
func report(ctx context.Context, w io.Writer, opt options) error {
	fmt.Fprintf(w, "%s/%s, %d cores, %s, %d events of 3 KB, median of %d runs (min to max)\n\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), opt.events, opt.runs)
	fmt.Fprintf(w, "| measured | median | min to max | beside |\n|---|---|---|---|\n")
	for _, m := range measurements(opt) {
		if !strings.Contains(m.name, opt.only) {
			continue
		}
		if err := one(ctx, w, opt, m); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

func one(ctx context.Context, w io.Writer, opt options, m measurement) error {
	runs := opt.runs
	if m.once {
		runs = 1
	}
	driver := m.driver
	if driver == "" {
		driver = "mysql"
	}
	var results []result
	for range runs {
		// Each run has a fresh database: what an earlier one left must not count.
		r, err := newRig(ctx, opt.earshot, driver, opt.server)
		if err != nil {
			return err
		}
		res, err := m.run(ctx, r)
		if err := errors.Join(err, r.close()); err != nil {
			return err
		}
		results = append(results, res)
	}
	slices.SortFunc(results, func(a, b result) int { return int((a.rate - b.rate) * 1000) })
	mid := results[len(results)/2]
	_, err := fmt.Fprintf(w, "| %s | %s %s | %s to %s | %s |\n", m.name, number(mid.rate), mid.unit,
		number(results[0].rate), number(results[len(results)-1].rate), mid.beside)
	return err
}

func number(f float64) string {
	if f >= 100 {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.1f", f)
}
