package telemetry

import (
	"context"
	"time"

	"github.com/earshot-host/earshot/host/internal/dispatch"
	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/registry"
)

// Queue is what the dispatcher asks of a queue.
type Queue interface {
	dispatch.Claimer
	dispatch.Recorder
}

// Queue returns q, watched.
func (m *Metrics) Queue(q Queue) Queue { return &watchedQueue{q, m} }

// Deliverer returns d, watched.
func (m *Metrics) Deliverer(d dispatch.Deliverer) dispatch.Deliverer {
	return &watchedDeliverer{d, m}
}

type watchedQueue struct {
	Queue
	m *Metrics
}

func (q *watchedQueue) failed(call string, err error) {
	if err != nil {
		q.m.queueErrors.WithLabelValues(call).Inc()
	}
}

func (q *watchedQueue) Due(ctx context.Context, listeners []string) (event.Due, error) {
	due, err := q.Queue.Due(ctx, listeners)
	q.failed("due", err)
	return due, err
}

func (q *watchedQueue) Claim(ctx context.Context, limit int, ordered bool, plan func([]event.Event) []event.Plan) (event.Claim, error) {
	start := time.Now()
	claim, err := q.Queue.Claim(ctx, limit, ordered, plan)
	q.failed("claim", err)
	if claim.Events > 0 {
		q.m.claims.Inc()
		q.m.claimedEvents.Add(float64(claim.Events))
		q.m.refused.Add(float64(claim.Refused))
		q.m.claimDuration.Observe(time.Since(start).Seconds())
	}
	return claim, err
}

func (q *watchedQueue) Take(ctx context.Context, t event.Take) (event.Taken, error) {
	taken, err := q.Queue.Take(ctx, t)
	q.failed("take", err)
	for _, d := range taken.Deliveries {
		if d.Redelivered {
			q.m.redelivered.WithLabelValues(t.Listener).Inc()
		}
	}
	return taken, err
}

func (q *watchedQueue) Renew(ctx context.Context, held []event.Delivery) ([]int64, error) {
	lost, err := q.Queue.Renew(ctx, held)
	q.failed("renew", err)
	q.m.leasesLost.Add(float64(len(lost)))
	return lost, err
}

func (q *watchedQueue) Record(ctx context.Context, group []event.Settled) (int, error) {
	stale, err := q.Queue.Record(ctx, group)
	q.failed("record", err)
	if err != nil {
		return stale, err
	}
	q.m.stale.Add(float64(stale))
	for _, st := range group {
		if outcome := outcomeLabel(st); outcome != "" {
			q.m.deliveries.WithLabelValues(q.m.eventLabel(st.Delivery.Event.Name), st.Delivery.Listener, outcome).Inc()
		}
		if reason := reasons[st.Outcome.Code]; reason != "" {
			q.m.errors.WithLabelValues(st.Delivery.Listener, reason).Inc()
		}
	}
	return stale, nil
}

// outcomeLabel says what became of a delivery; empty if it was given back.
func outcomeLabel(st event.Settled) string {
	switch {
	case st.State == event.Done:
		return "ok"
	case st.State == event.Skip:
		return "skipped"
	case st.State == event.Dead:
		return "dead"
	case st.Failed:
		return "retry"
	}
	return ""
}

var reasons = map[event.Code]string{
	event.Unknown:     "no_answer",
	event.Retry:       "retry",
	event.Rejected:    "rejected",
	event.Unavailable: "unavailable",
	event.Lost:        "plugin_exit",
}

type watchedDeliverer struct {
	dispatch.Deliverer
	m *Metrics
}

func (d *watchedDeliverer) Deliver(ctx context.Context, l *registry.Listener, dl event.Delivery) event.Outcome {
	defer d.begin(l, dl)()
	return d.Deliverer.Deliver(ctx, l, dl)
}

func (d *watchedDeliverer) DeliverBatch(ctx context.Context, l *registry.Listener, ds []event.Delivery) []event.Outcome {
	defer d.begin(l, ds...)()
	return d.Deliverer.DeliverBatch(ctx, l, ds)
}

// begin counts a call, and returns what counts its end.
func (d *watchedDeliverer) begin(l *registry.Listener, ds ...event.Delivery) func() {
	for _, dl := range ds {
		if dl.Attempts == 0 && !dl.Redelivered && !dl.Event.OccurredAt.IsZero() {
			d.m.wait.WithLabelValues(d.m.eventLabel(dl.Event.Name)).Observe(max(0, time.Since(dl.Event.OccurredAt).Seconds()))
		}
	}
	inflight := d.m.inflight.WithLabelValues(l.Name)
	inflight.Add(float64(len(ds)))
	start := time.Now()
	return func() {
		inflight.Sub(float64(len(ds)))
		d.m.duration.WithLabelValues(l.Name).Observe(time.Since(start).Seconds())
	}
}
