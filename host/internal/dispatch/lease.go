package dispatch

import (
	"context"
	"sync"
	"time"

	"github.com/earshot-host/earshot/host/internal/event"
)

// held are the deliveries whose leases this host must keep: claimed and not
// yet recorded. It is safe for concurrent use.
type held struct {
	mu   sync.Mutex
	byID map[int64]*lease
}

// lease is one held delivery.
type lease struct {
	delivery event.Delivery
	// until is how long the lease is trusted, by this host's own clock.
	until time.Time
	// cancel is set while the call runs.
	cancel context.CancelCauseFunc
	lost   bool
	// settled: the call has ended. recording: its row is being written now.
	settled, recording bool
}

func (l *lease) lose() {
	l.lost = true
	if l.cancel != nil {
		l.cancel(errLeaseLost)
	}
}

func (h *held) add(ds []event.Delivery, until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.byID == nil {
		h.byID = make(map[int64]*lease)
	}
	for _, d := range ds {
		// What is claimed anew while its old call runs had a lease that ran out.
		if old := h.byID[d.ID]; old != nil {
			old.lose()
		}
		// The payload is the bulk of a delivery, and renewing needs none of it.
		d.Event.Payload = nil
		h.byID[d.ID] = &lease{delivery: d, until: until}
	}
}

// begin hands over the function that ends the call which carries ds, and
// returns those whose leases are lost already.
func (h *held) begin(ds []event.Delivery, cancel context.CancelCauseFunc) (lost []event.Delivery) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	for _, d := range ds {
		l := h.byID[d.ID]
		if l == nil || l.lost || l.delivery.Token != d.Token || now.After(l.until) {
			lost = append(lost, d)
			continue
		}
		l.cancel = cancel
	}
	return lost
}

// lose marks deliveries as another host's and ends their calls. It returns how
// many it knew to be held: what was recorded meanwhile is not lost.
func (h *held) lose(ids []int64) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		if l := h.byID[id]; l != nil && !l.settled {
			l.lose()
			n++
		}
	}
	return n
}

// settle notes that the call for d has ended: its result waits to be recorded.
func (h *held) settle(d event.Delivery) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if l := h.byID[d.ID]; l != nil && l.delivery.Token == d.Token {
		l.settled, l.cancel = true, nil
	}
}

// expire loses what could not be renewed in time, and returns how many.
func (h *held) expire(now time.Time) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, l := range h.byID {
		if !l.lost && !l.settled && now.After(l.until) {
			l.lose()
			n++
		}
	}
	return n
}

// extend notes that leases were renewed.
func (h *held) extend(ds []event.Delivery, until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range ds {
		if l := h.byID[d.ID]; l != nil && l.delivery.Token == d.Token {
			l.until = until
		}
	}
}

func (h *held) remove(group []event.Settled) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, st := range group {
		// A delivery may have been claimed anew while the old claim was recorded.
		if l := h.byID[st.Delivery.ID]; l != nil && l.delivery.Token == st.Delivery.Token {
			delete(h.byID, st.Delivery.ID)
		}
	}
}

// record notes whether a group is being written. Its rows are locked for as
// long, and a renewal that waits for them would let all other leases run out.
func (h *held) record(group []event.Settled, now bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, st := range group {
		if l := h.byID[st.Delivery.ID]; l != nil && l.delivery.Token == st.Delivery.Token {
			l.recording = now
		}
	}
}

// all are the deliveries whose leases must be renewed.
func (h *held) all() []event.Delivery {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]event.Delivery, 0, len(h.byID))
	for _, l := range h.byID {
		if !l.lost && !l.recording {
			out = append(out, l.delivery)
		}
	}
	return out
}

func (h *held) len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.byID)
}

// trusted is how long a lease that was asked for at a time is relied on: less
// than the queue gives, so that no other host can begin before this one has stopped.
func (d *Dispatcher) trusted(asked time.Time) time.Time {
	return asked.Add(d.opt.Lease - d.opt.Lease/10)
}

// keep renews the leases until ctx ends, and gives up those that it cannot.
func (d *Dispatcher) keep(ctx context.Context) {
	renew := time.NewTicker(d.opt.Lease / 4)
	defer renew.Stop()
	expire := time.NewTicker(d.opt.Lease / 60)
	defer expire.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-expire.C:
			if n := d.held.expire(now); n > 0 {
				d.log.Warn("leases ran out unrenewed, their calls end", "leases", n)
			}
		case <-renew.C:
			d.renew(ctx)
		}
	}
}

func (d *Dispatcher) renew(ctx context.Context) {
	held := d.held.all()
	if len(held) == 0 {
		return
	}
	asked := time.Now()
	// An answer that comes after the leases have run out is of no use.
	ctx, cancel := context.WithTimeout(ctx, d.opt.Lease/4)
	defer cancel()
	lost, err := d.recorder.Renew(ctx, held)
	if err != nil {
		d.log.Warn("leases were not renewed, will try again", "leases", len(held), "error", err)
		return
	}
	d.held.extend(held, d.trusted(asked))
	if n := d.held.lose(lost); n > 0 {
		d.log.Warn("leases were lost to other hosts, their calls end", "leases", n)
	}
}
