// Package dispatch is the loop of the host: claim → route → deliver → settle →
// record. It knows what has to be done and in which order; how it is done is
// behind the small interfaces that it declares here.
//
// dispatch.go starts and stops the parts, loop.go claims, lane.go runs the
// calls of one listener, attempt.go makes them, record.go writes what became of them, lease.go keeps
// what is held.
package dispatch

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/registry"
)

// Claimer takes work from the queue.
type Claimer interface {
	Due(ctx context.Context, listeners []string) (event.Due, error)
	Claim(ctx context.Context, limit int, ordered bool, plan func([]event.Event) []event.Plan) (event.Claim, error)
	Take(ctx context.Context, t event.Take) (event.Taken, error)
}

// Recorder writes to the queue what became of the work.
type Recorder interface {
	Record(ctx context.Context, group []event.Settled) (stale int, err error)
	Renew(ctx context.Context, held []event.Delivery) (lost []int64, err error)
}

// Deliverer makes attempts. It returns when the listener has answered, or soon
// after ctx has ended.
type Deliverer interface {
	Deliver(ctx context.Context, l *registry.Listener, d event.Delivery) event.Outcome
	// DeliverBatch makes one attempt at each of ds, in one call, and returns
	// the outcomes in the same order; Batches says whether l can.
	DeliverBatch(ctx context.Context, l *registry.Listener, ds []event.Delivery) []event.Outcome
	Batches(l *registry.Listener) bool
}

// Options of a Dispatcher. Zero values are the defaults.
type Options struct {
	// Once ends Run when nothing is due, instead of waiting for more.
	Once bool
	// Limit is how many events Run claims at most; zero is no limit.
	Limit int
	// MaxTime is how long Run claims; zero is no limit.
	MaxTime time.Duration
	// Batch is how many events one claim takes at most; zero is 250.
	Batch int
	// Poll is the longest wait between two looks at an idle queue; zero is 250 ms.
	Poll time.Duration
	// Lease is how long a claim holds; renewed at a quarter of it, and trusted
	// up to nine tenths. Zero is 60 s.
	Lease time.Duration
	// Drain is how long running calls get when Run must end; zero is 30 s.
	Drain time.Duration
	// MaxPayload names the queue's limit in an error, in bytes.
	MaxPayload int64
	Logger     hclog.Logger
}

func (o *Options) setDefaults() {
	def := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	def(&o.Poll, 250*time.Millisecond)
	def(&o.Lease, time.Minute)
	def(&o.Drain, 30*time.Second)
	if o.Batch == 0 {
		o.Batch = 250
	}
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
}

// Summary counts what one Run did.
type Summary struct {
	Events    int `json:"events"`
	Delivered int `json:"delivered"`
	Skipped   int `json:"skipped"`
	Retrying  int `json:"retrying"`
	Dead      int `json:"dead"`
	Refused   int `json:"refused"`
}

// recordWithin is how long a queue out of reach is waited for at the end.
const recordWithin = 10 * time.Second

// Causes with which a call's context ends.
var (
	errLeaseLost = errors.New("this host no longer holds the delivery")
	errStopping  = errors.New("the host is stopping")
)

// Dispatcher runs the loop. Run may be called once.
type Dispatcher struct {
	opt      Options
	log      hclog.Logger
	queue    Claimer
	recorder Recorder
	deliver  Deliverer

	routes atomic.Pointer[registry.Registry]
	lanes  map[string]*lane // the loop's own
	// claimed counts events against Limit; the loop's own.
	claimed int
	held    held
	// payload is the size of a usual payload, in bytes.
	payload atomic.Int64
	// calls ends every running call when the drain time is over.
	calls context.Context
	// running counts calls, so that Run can wait for them.
	running sync.WaitGroup
	settled chan event.Settled
	wake    chan struct{}

	mu      sync.Mutex
	summary Summary
}

// New returns a Dispatcher that routes by routes until Reload.
func New(q Claimer, r Recorder, d Deliverer, routes *registry.Registry, opt Options) *Dispatcher {
	opt.setDefaults()
	dp := &Dispatcher{
		opt: opt, log: opt.Logger, queue: q, recorder: r, deliver: d,
		lanes:   make(map[string]*lane),
		settled: make(chan event.Settled, 4*opt.Batch),
		wake:    make(chan struct{}, 1),
	}
	dp.routes.Store(routes)
	return dp
}

// Reload routes what is claimed from now on by routes.
func (d *Dispatcher) Reload(routes *registry.Registry) {
	d.routes.Store(routes)
	d.Wake()
}

// Wake makes the loop look at the queue now: something was enqueued, or a slot
// came free. It never blocks.
func (d *Dispatcher) Wake() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Run works until ctx ends, or with Once until nothing is due. Then it claims
// no more, gives back what has not begun, and lets running calls end within
// Drain; a queue that is out of reach gets 10 s more. Its error is the queue's,
// when the queue stayed out of reach.
func (d *Dispatcher) Run(ctx context.Context) (Summary, error) {
	calls, endCalls := context.WithCancelCause(context.WithoutCancel(ctx))
	defer endCalls(nil)
	d.calls = calls

	// The queue must be written to after ctx has ended.
	writes, endWrites := context.WithCancel(context.WithoutCancel(ctx))
	var recorder, keeper sync.WaitGroup
	recorder.Go(func() { d.record(writes) })
	keeper.Go(func() { d.keep(writes) })

	err := d.loop(ctx)

	drained := time.AfterFunc(d.opt.Drain, func() { endCalls(errStopping) })
	giveUp := time.AfterFunc(d.opt.Drain+recordWithin, endWrites)
	for _, l := range d.lanes {
		d.giveBack(l.close())
	}
	d.running.Wait()
	close(d.settled)
	recorder.Wait()
	endWrites()
	keeper.Wait()
	drained.Stop()
	giveUp.Stop()

	d.mu.Lock()
	defer d.mu.Unlock()
	return d.summary, err
}

// giveBack returns deliveries that were not begun.
func (d *Dispatcher) giveBack(ds []event.Delivery) {
	for _, dl := range ds {
		d.settle(dl, event.Outcome{Code: event.Returned}, event.Policy{})
	}
}

// settle decides what an outcome makes of a delivery and passes it on to be recorded.
func (d *Dispatcher) settle(dl event.Delivery, o event.Outcome, p event.Policy) {
	st := event.Settled{Delivery: dl, Outcome: o, Settlement: event.Settle(dl, o, p, rand.Float64())}
	d.held.settle(dl)
	d.count(st)
	d.settled <- st
}

func (d *Dispatcher) count(st event.Settled) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case st.State == event.Done:
		d.summary.Delivered++
	case st.State == event.Skip:
		d.summary.Skipped++
	case st.State == event.Dead:
		d.summary.Dead++
	case st.Failed:
		d.summary.Retrying++
	}
}
