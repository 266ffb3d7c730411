package dispatch

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/registry"
)

const (
	// firstWait is the first wait of a host that has just become idle.
	firstWait = 10 * time.Millisecond
	// maxOutage is the longest wait between two tries of a queue out of reach.
	maxOutage = 5 * time.Second
	// onceTries is how often a run for cron tries a queue out of reach.
	onceTries = 5
)

// loop claims until ctx ends. It is the only part that reads the queue.
func (d *Dispatcher) loop(ctx context.Context) error {
	if d.opt.MaxTime > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.opt.MaxTime)
		defer cancel()
	}
	wait, outages := firstWait, 0
	for ctx.Err() == nil {
		// What is recorded during a round may make more due.
		busy := d.held.len() > 0
		found, err := d.round(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			outages++
			if d.opt.Once && outages == onceTries {
				return err
			}
			d.log.Warn("queue is out of reach, will try again", "tries", outages, "error", err)
			pause(ctx, outage(outages))
		case found.work:
			wait, outages = firstWait, 0
		case d.opt.Once && !busy && found.wait == 0:
			return nil
		default:
			outages = 0
			if found.wait > 0 {
				d.idle(ctx, min(found.wait, d.opt.Poll))
				continue
			}
			// What wakes the loop is work of its own: no sign of a quiet queue.
			if !d.idle(ctx, wait) {
				wait = min(2*wait, d.opt.Poll)
			}
		}
	}
	return nil
}

// outage is the wait after the n-th failure in a row, spread so that hosts do
// not come back all at once.
func outage(n int) time.Duration {
	wait := min(20*time.Millisecond<<min(n, 10), maxOutage)
	return wait/2 + rand.N(wait)
}

// pause waits for d or the end.
func pause(ctx context.Context, wait time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(wait):
	}
}

// idle waits for something to happen, and no longer than wait. It reports
// whether something has.
func (d *Dispatcher) idle(ctx context.Context, wait time.Duration) bool {
	select {
	case <-ctx.Done():
	case <-d.wake:
		return true
	case <-time.After(wait):
	}
	return false
}

// finding is what a round came to.
type finding struct {
	// work was taken, or moved.
	work bool
	// wait is when a rate allows more of what is waiting; zero if none does.
	wait time.Duration
}

// round looks once and claims what there is room for.
func (d *Dispatcher) round(ctx context.Context) (finding, error) {
	routes := d.routes.Load()
	names := routes.Names()
	due, err := d.queue.Due(ctx, names)
	if err != nil {
		return finding{}, err
	}
	d.follow(routes, due)
	var found finding
	for _, name := range names {
		f, err := d.take(ctx, d.lanes[name], due.Listeners[name])
		if err != nil {
			return finding{}, err
		}
		found.work = found.work || f.work
		if f.wait > 0 && (found.wait == 0 || f.wait < found.wait) {
			found.wait = f.wait
		}
	}
	if due.Events {
		n, err := d.claim(ctx, routes)
		found.work = found.work || n > 0
		return found, err
	}
	return found, nil
}

// follow keeps a lane for each listener of routes; a lane whose listener is
// gone finishes what it holds and gets no more.
func (d *Dispatcher) follow(routes *registry.Registry, due event.Due) {
	for name, l := range routes.Listeners {
		lane := d.lanes[name]
		if lane == nil {
			lane = newLane(d, l)
			d.lanes[name] = lane
		}
		state := due.Listeners[name]
		lane.behind = lane.behind && state.Due
		d.giveBack(lane.follow(l, state))
	}
}

// take fills one lane with deliveries that wait in the queue.
func (d *Dispatcher) take(ctx context.Context, l *lane, state event.DueListener) (finding, error) {
	if !state.Due || state.Held {
		return finding{}, nil
	}
	l.behind = true
	free, roomy := l.room()
	if !roomy {
		return finding{}, nil
	}
	asked := time.Now()
	taken, err := d.queue.Take(ctx, event.Take{
		Listener: l.listener.Name, Limit: free,
		Ordered: l.listener.OrderBy != "", Rate: l.listener.Rate,
	})
	if err != nil {
		return finding{}, err
	}
	l.behind = len(taken.Deliveries)+taken.Passed == free || taken.Wait > 0
	d.held.add(taken.Deliveries, d.trusted(asked))
	l.push(taken.Deliveries)
	return finding{work: len(taken.Deliveries)+taken.Passed > 0, wait: taken.Wait}, nil
}

// claim takes new events and hands their deliveries to the lanes. It returns
// how many events it took.
func (d *Dispatcher) claim(ctx context.Context, routes *registry.Registry) (int, error) {
	n, free := d.room(routes)
	if d.opt.Limit > 0 {
		n = min(n, d.opt.Limit-d.claimed)
	}
	if n <= 0 {
		return 0, nil
	}
	var late map[string]bool
	asked := time.Now()
	claim, err := d.queue.Claim(ctx, n, routes.Ordered(), func(evs []event.Event) (plans []event.Plan) {
		plans, late = d.plan(routes, evs, maps.Clone(free))
		return plans
	})
	if err != nil {
		return 0, err
	}
	for name := range late {
		d.lanes[name].behind = true
	}
	d.claimed += claim.Events
	d.weigh(claim.Deliveries)
	if claim.Refused > 0 {
		d.log.Warn("events could not be routed, see: earshot queue list --status failed", "events", claim.Refused)
	}
	d.mu.Lock()
	d.summary.Events += claim.Events
	d.summary.Refused += claim.Refused
	d.mu.Unlock()
	d.held.add(claim.Deliveries, d.trusted(asked))
	for name, ds := range byListener(claim.Deliveries) {
		d.lanes[name].push(ds)
	}
	return claim.Events, nil
}

// plan routes events and leases to this host what its lanes have room for.
// late names the listeners whose deliveries have to wait in the queue.
func (d *Dispatcher) plan(routes *registry.Registry, evs []event.Event, free map[string]int) (plans []event.Plan, late map[string]bool) {
	late = make(map[string]bool)
	plans = make([]event.Plan, len(evs))
	for i, ev := range evs {
		p := d.route(routes, ev)
		for j, t := range p.Targets {
			if free[t.Listener] > 0 {
				free[t.Listener]--
				p.Targets[j].Lease = true
			} else {
				late[t.Listener] = true
			}
		}
		plans[i] = p
	}
	return plans, late
}

// route says who is told of an event, or why its row cannot be used at all.
func (d *Dispatcher) route(routes *registry.Registry, ev event.Event) event.Plan {
	if ev.Payload == nil && ev.Size > 0 {
		return event.Plan{Refused: fmt.Sprintf("payload is %d bytes, more than the limit of %d; raise max_payload in host.yaml, then send it again with: earshot queue retry %d", ev.Size, d.opt.MaxPayload, ev.ID)}
	}
	return routes.Plan(ev)
}

// room says how many events to claim, and how many deliveries each lane takes
// of them. What waits in the queue goes first: a lane that is behind gets none,
// nor does one whose order or rate the queue must keep. A full lane does not
// hold up one that has room.
func (d *Dispatcher) room(routes *registry.Registry) (n int, free map[string]int) {
	free = make(map[string]int)
	busy := false
	for name, listener := range routes.Listeners {
		l := d.lanes[name]
		if l.state.Held {
			continue
		}
		space, roomy := l.room()
		if l.behind || !roomy {
			busy = true
			continue
		}
		if listener.OrderBy == "" && listener.Rate.Events == 0 {
			free[name] = space
		}
		if n == 0 {
			n = space
		}
		n = min(n, space)
	}
	most := d.most(d.opt.Batch, claimBytes)
	if n == 0 && !busy {
		// Nobody could be told now; lay the events out for later.
		n = most
	}
	return min(n, most), free
}

func byListener(ds []event.Delivery) map[string][]event.Delivery {
	out := make(map[string][]event.Delivery)
	for _, dl := range ds {
		out[dl.Listener] = append(out[dl.Listener], dl)
	}
	return out
}
