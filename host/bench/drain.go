package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// drained is what a pass over a backlog took.
type drained struct {
	rate float64 // events/s
	host float64 // CPU seconds of host and plugins per 1,000 events
	rss  int64   // of the host, in bytes
}

// drain works off a backlog of n events with one pass of the host.
func drain(ctx context.Context, r *rig, n, size int, listeners ...string) (d drained, err error) {
	if err := errors.Join(r.events(listeners...), r.insert(ctx, n, size)); err != nil {
		return d, err
	}
	start := time.Now()
	u, err := r.run(ctx, "run", "--once", "--limit", "0", "--max-time", "1h")
	if err != nil {
		return d, err
	}
	took := time.Since(start)
	left, err := r.count(ctx, "SELECT COUNT(*) FROM event_queue WHERE status IN ('pending', 'processing', 'failed')")
	if err != nil || left > 0 {
		return d, errors.Join(err, fmt.Errorf("%d events were not processed", left))
	}
	return drained{
		rate: float64(n) / took.Seconds(),
		host: u.cpu.Seconds() * 1000 / float64(n),
		rss:  u.peak,
	}, nil
}
