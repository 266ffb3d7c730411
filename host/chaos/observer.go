package main

import (
	"context"
	"time"

	"github.com/earshot-host/earshot/host/chaos/check"
)

// observer reads finished deliveries while the run goes on: what it has seen
// must never change again.
type observer struct {
	r    *rig
	seen []check.Seen
	// once are those seen in one look. A server shows a commit a moment before
	// it is on the disk, so only what is there twice counts.
	once  map[end]bool
	twice map[end]bool
}

type end struct {
	event           int64
	listener, state string
}

const lookEvery = 3 * time.Second

// run looks until ctx ends.
func (o *observer) run(ctx context.Context) {
	o.once, o.twice = make(map[end]bool), make(map[end]bool)
	for ctx.Err() == nil {
		if err := o.look(ctx); err != nil {
			// The database is away. What it had not written may be gone.
			o.once = make(map[end]bool)
		}
		pause(ctx, lookEvery)
	}
}

func (o *observer) look(ctx context.Context) error {
	rows, err := o.r.queue.QueryContext(ctx, `SELECT event_id, listener, state FROM event_deliveries
		WHERE state <> 'open' AND finished_at > UTC_TIMESTAMP(6) - INTERVAL 10 SECOND`)
	if err != nil {
		return err
	}
	defer rows.Close()
	now := make(map[end]bool)
	for rows.Next() {
		var e end
		if err := rows.Scan(&e.event, &e.listener, &e.state); err != nil {
			return err
		}
		now[e] = true
	}
	if err := rows.Err(); err != nil {
		return err
	}
	at := time.Now().UnixNano()
	for e := range now {
		if o.once[e] && !o.twice[e] {
			o.twice[e] = true
			o.seen = append(o.seen, check.Seen{Event: e.event, Listener: e.listener, State: e.state, At: at})
		}
	}
	o.once = now
	return nil
}
