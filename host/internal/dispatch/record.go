package dispatch

import (
	"context"

	"github.com/earshot-host/earshot/host/internal/event"
)

// maxGroup is how many deliveries one commit records at most.
const maxGroup = 500

// record writes settled deliveries until the channel is closed. It adds no
// delay: while one commit runs, the next group gathers.
func (d *Dispatcher) record(ctx context.Context) {
	for st := range d.settled {
		group := d.gather(st)
		d.write(ctx, group)
		d.held.remove(group)
		if d.held.len() == 0 {
			d.Wake()
		}
	}
}

// gather takes what else is ready without waiting.
func (d *Dispatcher) gather(first event.Settled) []event.Settled {
	group := []event.Settled{first}
	for len(group) < maxGroup {
		select {
		case st, ok := <-d.settled:
			if !ok {
				return group
			}
			group = append(group, st)
		default:
			return group
		}
	}
	return group
}

// write records a group, again and again while the queue is out of reach: the
// work is done, and what is not written down would be done twice.
func (d *Dispatcher) write(ctx context.Context, group []event.Settled) {
	for try := 1; ; try++ {
		d.held.record(group, true)
		stale, err := d.recorder.Record(ctx, group)
		d.held.record(group, false)
		if err == nil {
			if stale > 0 {
				d.log.Warn("deliveries had gone to another host, their results were dropped", "deliveries", stale)
			}
			return
		}
		if ctx.Err() != nil {
			d.log.Error("results could not be recorded before the host had to stop, these deliveries will be made again", "deliveries", len(group), "error", err)
			return
		}
		d.log.Warn("results were not recorded, will try again", "deliveries", len(group), "tries", try, "error", err)
		pause(ctx, outage(try))
	}
}
