package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// finished fills the tables with n events that were processed long ago.
func (r *rig) finished(ctx context.Context, n int) error {
	if _, err := r.db.ExecContext(ctx, `INSERT INTO event_queue (event_name, payload, status, processed_at)
		WITH RECURSIVE seq AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM seq WHERE n < 1000)
		SELECT 'order.paid', '{"old":true}', 'processed', `+r.now()+` FROM seq`); err != nil {
		return fmt.Errorf("insert finished events: %w", err)
	}
	for have := 1000; have < n; have *= 2 {
		if _, err := r.db.ExecContext(ctx, fmt.Sprintf(`INSERT INTO event_queue (event_name, payload, status, processed_at)
			SELECT event_name, payload, status, processed_at FROM event_queue WHERE status = 'processed' LIMIT %d`, min(have, n-have))); err != nil {
			return fmt.Errorf("insert finished events: %w", err)
		}
	}
	_, err := r.db.ExecContext(ctx, `INSERT INTO event_deliveries (event_id, listener, state, attempts, created_at, finished_at)
		SELECT id, 'a', 'delivered', 1, processed_at, processed_at FROM event_queue WHERE status = 'processed'`)
	return err
}

// snapshot holds an old view of the tables open, as a report or a backup does.
func (r *rig) snapshot(ctx context.Context) (release func() error, err error) {
	conn, err := r.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	for _, stmt := range []string{"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION WITH CONSISTENT SNAPSHOT", "SELECT COUNT(*) FROM event_locks"} {
		if _, err := conn.ExecContext(ctx, stmt); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return func() error {
		_, err := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return errors.Join(err, conn.Close())
	}, nil
}

// backlogRate works on a backlog of n events for a while and returns events/s
// and the host's resident bytes: a whole drain would take minutes.
func backlogRate(ctx context.Context, r *rig, n int, during time.Duration) (rate float64, rss int64, err error) {
	if err := errors.Join(r.events("a=noop", "b=noop"), r.insert(ctx, n, 300)); err != nil {
		return 0, 0, err
	}
	start := time.Now()
	u, err := r.run(ctx, "run", "--once", "--limit", "0", "--max-time", during.String())
	if err != nil {
		return 0, 0, err
	}
	took := time.Since(start)
	done, err := r.count(ctx, "SELECT COUNT(*) FROM event_queue WHERE status = 'processed'")
	return float64(done) / took.Seconds(), u.peak, err
}

// hostsRate drains with several hosts at once.
func hostsRate(ctx context.Context, r *rig, hosts, n, size int) (float64, error) {
	if err := errors.Join(r.events("a=noop", "b=noop"), r.insert(ctx, n, size)); err != nil {
		return 0, err
	}
	start := time.Now()
	ended := make(chan error, hosts)
	for range hosts {
		go func() {
			_, err := r.run(ctx, "run", "--once", "--limit", "0", "--max-time", "1h")
			ended <- err
		}()
	}
	var err error
	for range hosts {
		err = errors.Join(err, <-ended)
	}
	return float64(n) / time.Since(start).Seconds(), err
}

// besideSlow drains to a fast listener while another takes two seconds a call,
// and returns the fast one's rate.
func besideSlow(ctx context.Context, r *rig, n, size int) (float64, error) {
	if err := errors.Join(r.events("fast=noop", "slow=slow"), r.insert(ctx, n, size)); err != nil {
		return 0, err
	}
	start := time.Now()
	stop, err := r.serve(ctx)
	if err != nil {
		return 0, err
	}
	err = r.until(ctx, "SELECT COUNT(*) FROM event_deliveries WHERE listener = 'fast' AND state = 'delivered'", n)
	took := time.Since(start)
	return float64(n) / took.Seconds(), errors.Join(err, stop())
}

// many names n no-op listeners.
func many(n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("l%d=noop", i))
	}
	return names
}
