// Package gate keeps paused events from their listeners. It stands between the
// dispatcher and the queue: whatever the queue hands out, by a claim or a take,
// comes through here, and what belongs to a paused event is put back.
package gate

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/earshot-host/earshot/host/internal/dispatch"
	"github.com/earshot-host/earshot/host/internal/event"
)

// Queue is what the gate stands before.
type Queue interface {
	dispatch.Claimer
	dispatch.Recorder
	PausedEvents(ctx context.Context) ([]string, error)
	ParkPaused(ctx context.Context, name string, held []event.Delivery) (bool, error)
}

// lookEvery is how soon a pause is seen.
const lookEvery = time.Second

// Gate is a queue without what is paused.
type Gate struct {
	Queue
	mu     sync.Mutex
	looked time.Time
	paused []string
}

// New returns a gate before q.
func New(q Queue) *Gate { return &Gate{Queue: q} }

// Due looks for pauses at times, since the dispatcher asks it all the time.
func (g *Gate) Due(ctx context.Context, listeners []string) (event.Due, error) {
	g.mu.Lock()
	stale := time.Since(g.looked) > lookEvery
	g.mu.Unlock()
	if stale {
		paused, err := g.Queue.PausedEvents(ctx)
		if err != nil {
			return event.Due{}, err
		}
		g.mu.Lock()
		g.paused, g.looked = paused, time.Now()
		g.mu.Unlock()
	}
	return g.Queue.Due(ctx, listeners)
}

// Claim returns what was claimed, less what is paused.
func (g *Gate) Claim(ctx context.Context, limit int, ordered bool, plan func([]event.Event) []event.Plan) (event.Claim, error) {
	claim, err := g.Queue.Claim(ctx, limit, ordered, plan)
	if err != nil {
		return claim, err
	}
	claim.Deliveries, _ = g.hold(ctx, claim.Deliveries)
	return claim, nil
}

// Take returns what was taken, less what is paused.
func (g *Gate) Take(ctx context.Context, t event.Take) (event.Taken, error) {
	taken, err := g.Queue.Take(ctx, t)
	if err != nil {
		return taken, err
	}
	held := 0
	taken.Deliveries, held = g.hold(ctx, taken.Deliveries)
	taken.Passed += held
	return taken, nil
}

// hold puts back what is paused and returns the rest, and how many were put
// back. A queue that does not answer loses nothing: their leases run out, and
// they come here again.
func (g *Gate) hold(ctx context.Context, ds []event.Delivery) (free []event.Delivery, held int) {
	g.mu.Lock()
	paused := g.paused
	g.mu.Unlock()
	if len(paused) == 0 {
		return ds, 0
	}
	byPause := make(map[string][]event.Delivery)
	for _, d := range ds {
		if i := slices.IndexFunc(paused, func(p string) bool { return matches(p, d.Event.Name) }); i >= 0 {
			byPause[paused[i]] = append(byPause[paused[i]], d)
		} else {
			free = append(free, d)
		}
	}
	for name, some := range byPause {
		if parked, err := g.Queue.ParkPaused(ctx, name, some); err == nil && !parked {
			free = append(free, some...)
		} else {
			held += len(some)
		}
	}
	slices.SortFunc(free, func(a, b event.Delivery) int { return cmp.Compare(a.ID, b.ID) })
	return free, held
}

func matches(pattern, name string) bool {
	if prefix, wild := strings.CutSuffix(pattern, "*"); wild {
		return strings.HasPrefix(name, prefix)
	}
	return pattern == name
}
