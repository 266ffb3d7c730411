package dispatch

import (
	"context"
	"errors"
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
	running  int
	alone    bool          // what runs is a suspect
	took     time.Duration // of a call, averaged
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
	return min(max(l.listener.Concurrency*int(perSecond), l.listener.Concurrency), 4*l.d.opt.Batch)
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
	for !l.closed && !l.alone && l.running < l.slots() && len(l.buffer) > 0 {
		if l.buffer[0].Suspect() {
			if l.running > 0 {
				return
			}
			l.alone = true
		}
		dl := l.buffer[0]
		l.buffer[0] = event.Delivery{}
		l.buffer = l.buffer[1:]
		l.running++
		listener := l.listener
		l.d.running.Go(func() {
			start := time.Now()
			o := l.d.attempt(listener, dl)
			l.d.giveBack(l.ended(o, time.Since(start)))
		})
	}
}

// ended makes place for the next call, and returns what must be given back.
func (l *lane) ended(o event.Outcome, took time.Duration) []event.Delivery {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running--
	l.alone = false
	l.took += (took - l.took) / 8
	if o.Code == event.Unavailable {
		l.quiet = time.Now().Add(quietFor)
		return l.empty()
	}
	l.start()
	if _, roomy := l.space(); roomy {
		l.d.Wake()
	}
	return nil
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

// attempt makes one call and settles its outcome.
func (d *Dispatcher) attempt(l *registry.Listener, dl event.Delivery) event.Outcome {
	ctx, cancel := context.WithCancelCause(d.calls)
	defer cancel(nil)
	if !d.held.begin(dl, cancel) {
		o := event.Outcome{Code: event.Returned}
		d.settle(dl, o, l.Retry)
		return o
	}
	start := time.Now()
	o := d.deliver.Deliver(ctx, l, dl)
	if cause := context.Cause(ctx); o.Code == event.Unknown && (errors.Is(cause, errStopping) || errors.Is(cause, errLeaseLost)) {
		o = event.Outcome{Code: event.Interrupted, Reason: cause.Error(), Receipts: o.Receipts}
	}
	d.tell(dl, o, time.Since(start))
	d.settle(dl, o, l.Retry)
	return o
}

// tell logs an attempt: quietly when it did its work, loudly when somebody must act.
func (d *Dispatcher) tell(dl event.Delivery, o event.Outcome, took time.Duration) {
	quiet := o.Code == event.Delivered || o.Code == event.Skipped
	if quiet && !d.log.IsDebug() {
		return
	}
	facts := []any{"event_id", dl.Event.ID, "event", dl.Event.Name, "listener", dl.Listener,
		"attempt", dl.Attempts + 1, "took", took.Round(time.Millisecond)}
	if o.Reason != "" {
		facts = append(facts, "error", o.Reason)
	}
	switch o.Code {
	case event.Delivered, event.Skipped:
		d.log.Debug(o.Code.String(), facts...)
	case event.Rejected:
		d.log.Error("delivery was rejected, no retry can mend it", facts...)
	case event.Unavailable:
		d.log.Error("listener is unavailable, its deliveries wait", facts...)
	case event.Interrupted:
		d.log.Warn("delivery was interrupted", facts...)
	default:
		d.log.Warn("attempt did not deliver", append(facts, "outcome", o.Code.String())...)
	}
}
