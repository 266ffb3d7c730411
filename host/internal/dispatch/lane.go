package dispatch

import (
	"slices"
	"sync"
	"time"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/registry"
)

// lane runs the deliveries of one listener, a few at a time, so that a slow
// listener holds up nobody else.
type lane struct {
	d *Dispatcher

	mu       sync.Mutex
	listener *registry.Listener
	buffer   []event.Delivery // claimed, not begun
	calls    int
	running  int           // deliveries in those calls
	alone    bool          // what runs is a suspect
	took     time.Duration // by a delivery, averaged
	closed   bool
	// state is what the queue says of the listener.
	state event.DueListener
	// quiet until then: the listener has just said that it cannot work, and
	// the queue may not know yet.
	quiet time.Time

	// behind says that due deliveries may be waiting in the queue: they go
	// first. It belongs to the loop.
	behind bool
}

const (
	// firstGuess is what a call is taken to last before one has been seen.
	firstGuess = 100 * time.Millisecond
	// quietFor is longer than it takes to record a hold.
	quietFor = time.Second
	// maxBatch is how many deliveries one call carries at most, and batchCalls
	// over how many calls a backlog is spread.
	maxBatch   = 100
	batchCalls = 4
)

func newLane(d *Dispatcher, l *registry.Listener) *lane {
	return &lane{d: d, listener: l, took: firstGuess}
}

// follow takes over what the registry and the queue say of the listener now,
// and returns what must be given back because of it.
func (l *lane) follow(listener *registry.Listener, state event.DueListener) []event.Delivery {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listener, l.state = listener, state
	if l.held() {
		return l.empty()
	}
	l.start()
	return nil
}

// held reports whether nothing may begin. The caller holds the lock.
func (l *lane) held() bool { return l.state.Held || time.Now().Before(l.quiet) }

// slots is how many calls may run at once. The caller holds the lock.
func (l *lane) slots() int {
	if l.state.Probing {
		return 1
	}
	return l.listener.Concurrency
}

// window is how many deliveries the lane may hold: about a second's work, so
// that a fast listener never waits for the database and a slow one does not
// keep deliveries from other hosts. The caller holds the lock.
func (l *lane) window() int {
	switch {
	case l.held():
		return 0
	case l.state.Probing:
		return 1
	case l.listener.Rate.Events > 0:
		// What is taken counts against the rate: it must begin at once.
		return l.listener.Concurrency
	}
	perSecond := time.Second / max(l.took, time.Microsecond)
	return min(max(l.listener.Concurrency*int(perSecond), l.listener.Concurrency), l.d.most(4*l.d.opt.Batch, laneBytes))
}

// room is how many deliveries the lane takes now, and whether that is at least
// half of what it could: below, a claim would not be worth its transaction.
func (l *lane) room() (free int, roomy bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.space()
}

func (l *lane) space() (free int, roomy bool) {
	window, has := l.window(), l.running+len(l.buffer)
	return max(window-has, 0), window > 0 && 2*has <= window
}

func (l *lane) push(ds []event.Delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buffer = append(l.buffer, ds...)
	l.start()
}

// start begins calls while slots are free. The caller holds the lock.
func (l *lane) start() {
	for {
		ds := l.next()
		if len(ds) == 0 {
			return
		}
		l.d.running.Go(func() { l.work(ds) })
	}
}

// next takes what one call is to carry, empty if none may begin now: one
// delivery, or several when many wait and the listener takes them together.
// The caller holds the lock.
func (l *lane) next() []event.Delivery {
	if l.closed || l.alone || l.held() || l.calls >= l.slots() || len(l.buffer) == 0 {
		return nil
	}
	n := 1
	switch {
	case l.buffer[0].Suspect():
		if l.calls > 0 {
			return nil
		}
		l.alone = true
	case len(l.buffer) > batchCalls && l.d.deliver.Batches(l.listener):
		// A few large batches are worth more than many small ones.
		n = min(len(l.buffer)/min(l.slots(), batchCalls), maxBatch)
		if i := slices.IndexFunc(l.buffer[:n], event.Delivery.Suspect); i >= 0 {
			n = i
		}
	}
	ds := l.buffer[:n:n]
	l.buffer = l.buffer[n:]
	l.calls++
	l.running += n
	return ds
}

// work makes one call after the other while there is something to carry: a
// goroutine that stays keeps its stack.
func (l *lane) work(ds []event.Delivery) {
	for len(ds) > 0 {
		l.mu.Lock()
		listener := l.listener
		l.mu.Unlock()
		start := time.Now()
		unavailable := l.d.attempt(listener, ds)
		took := time.Since(start) / time.Duration(len(ds))
		var back []event.Delivery
		ds, back = l.ended(len(ds), took, unavailable)
		l.d.giveBack(back)
	}
}

// ended makes place for the next call and returns what it is to carry, and
// what must be given back.
func (l *lane) ended(n int, took time.Duration, unavailable bool) (next, back []event.Delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls--
	l.running -= n
	l.alone = false
	l.took += (took - l.took) / 8
	if unavailable {
		l.quiet = time.Now().Add(quietFor)
		return nil, l.empty()
	}
	next = l.next()
	// A suspect that has ended, or one that waited for it, frees other slots.
	l.start()
	if _, roomy := l.space(); roomy {
		l.d.Wake()
	}
	return next, nil
}

// close begins no more calls and returns what was not begun.
func (l *lane) close() []event.Delivery {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	return l.empty()
}

func (l *lane) empty() []event.Delivery {
	rest := l.buffer
	l.buffer = nil
	return rest
}
