package main

import (
	"context"
	"syscall"
	"time"

	"github.com/earshot-host/earshot/host/chaos/check"
	"github.com/earshot-host/earshot/host/chaos/ledger"
)

// stall is how long the queue may stand still before it counts as stuck. It is
// longer than a lease, the longest wait for a retry, and a start of all hosts.
const stall = 45 * time.Second

// operate does until ctx ends what an operator does with "listener resume":
// holds end early, since what made the listeners fail is over soon. Of what
// waits, only holds put off a delivery for longer than longWait.
func (r *rig) operate(ctx context.Context) {
	for ctx.Err() == nil {
		for _, stmt := range []string{
			`UPDATE event_listeners SET held_since = NULL, held_until = NULL, holds = 0, reason = NULL,
				crashes = 0, crashes_since = NULL WHERE held_until IS NOT NULL OR crashes > 3`,
			`UPDATE event_deliveries SET due_at = UTC_TIMESTAMP(6)
				WHERE listener = 'wild' AND due_at > UTC_TIMESTAMP(6) + INTERVAL ` + longWait + ` SECOND AND token IS NULL`,
		} {
			// The database may be away: there is a next time.
			_, _ = r.queue.ExecContext(ctx, stmt)
		}
		pause(ctx, time.Second)
	}
}

// longWait is more than a retry waits here, and more than the ten seconds for
// which a delivery with an ordering key is put aside.
const longWait = "15"

// settle waits until nothing is open, and no longer than the queue moves. It
// starts the hosts anew: each remembers how often its plugins have died.
func (r *rig) settle(ctx context.Context) error {
	if err := ledger.Calm(r.path("ledger")); err != nil {
		return err
	}
	for _, h := range r.fleet.hosts {
		h.proxy.Flow()
		h.signal(syscall.SIGTERM)
	}
	if r.wants(check.Clock) {
		// What was put off by a clock that was ahead is due when that time comes.
		if err := setClock(r.path("clock"), 2*time.Hour); err != nil {
			return err
		}
	}
	left, moved := -1, time.Now()
	for ctx.Err() == nil {
		n, err := r.unfinished(ctx)
		switch {
		case err != nil:
			r.say("look whether the queue has come to rest: %v", err)
		case n == 0:
			return nil
		case n != left:
			left, moved = n, time.Now()
		}
		if time.Since(moved) > stall {
			r.say("the queue stands still with %d events and deliveries unfinished", left)
			return nil
		}
		pause(ctx, 2*time.Second)
	}
	return ctx.Err()
}

func (r *rig) unfinished(ctx context.Context) (n int, err error) {
	err = r.queue.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM event_queue WHERE status IN ('pending', 'processing'))
		+ (SELECT COUNT(*) FROM event_deliveries WHERE state = 'open')`).Scan(&n)
	return n, err
}
