package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// latency is the time from an event's commit to its listener's call.
type latency struct{ p50, p99, max time.Duration }

func (l latency) String() string {
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d.Microseconds())/1000) }
	return ms(l.p50) + " / " + ms(l.p99) + " / " + ms(l.max) + " ms"
}

// measureLatency inserts n events at rate a second beside a running host, as an
// outside producer does.
func measureLatency(ctx context.Context, r *rig, n int, rate int) (latency, error) {
	stamps := filepath.Join(r.dir, "stamps")
	if err := errors.Join(r.events("stamp=stamp"), remove(stamps)); err != nil {
		return latency{}, err
	}
	stop, err := r.serve(ctx)
	if err != nil {
		return latency{}, err
	}
	defer func() { _ = stop() }()
	committed := make(map[int64]time.Time, n)
	body := payload(3000)
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	// The first event starts the plugin and does not count.
	for i := range n + 1 {
		res, err := r.db.ExecContext(ctx, "INSERT INTO event_queue (event_name, payload) VALUES ('order.paid', ?)", body)
		if err != nil {
			return latency{}, err
		}
		id, err := res.LastInsertId()
		if err != nil {
			return latency{}, err
		}
		if i == 0 {
			if err := r.until(ctx, "SELECT COUNT(*) FROM event_queue WHERE status <> 'processed'", 0); err != nil {
				return latency{}, err
			}
			continue
		}
		committed[id] = time.Now()
		<-tick.C
	}
	if err := r.until(ctx, "SELECT COUNT(*) FROM event_queue WHERE status <> 'processed'", 0); err != nil {
		return latency{}, err
	}
	return readLatency(stamps, committed)
}

func readLatency(stamps string, committed map[int64]time.Time) (l latency, err error) {
	f, err := os.Open(stamps)
	if err != nil {
		return l, err
	}
	defer f.Close()
	var waits []time.Duration
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var id, nanos int64
		if _, err := fmt.Sscan(lines.Text(), &id, &nanos); err != nil {
			return l, err
		}
		if at, ok := committed[id]; ok {
			waits = append(waits, time.Unix(0, nanos).Sub(at))
		}
	}
	if len(waits) != len(committed) {
		return l, fmt.Errorf("%d calls for %d events", len(waits), len(committed))
	}
	slices.Sort(waits)
	return latency{waits[len(waits)/2], waits[len(waits)*99/100], waits[len(waits)-1]}, nil
}

func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
