package telemetry

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/earshot-host/earshot/host/internal/queue"
)

// Store is what the queue says of itself when it is asked.
type Store interface {
	Stats(ctx context.Context) (queue.Stats, error)
	Listeners(ctx context.Context) ([]queue.ListenerRow, error)
	Check(ctx context.Context) error
	Conflicts() int64
}

const (
	// fresh is how long an answer of the queue is used again: several scrapers
	// must not cost the database more than one.
	fresh = 5 * time.Second
	// askWithin bounds one question: a scrape must end.
	askWithin = 5 * time.Second
)

// standing asks the queue how it stands when it is scraped.
type standing struct {
	store Store
	// life ends with the host.
	life context.Context

	mu        sync.Mutex
	asked     time.Time
	stats     queue.Stats
	listeners []queue.ListenerRow
}

var (
	descEvents    = prometheus.NewDesc("earshot_queue_events", "Events by status; it counts no further than 100000.", []string{"status"}, nil)
	descDue       = prometheus.NewDesc("earshot_queue_due_events", "Pending events that could be claimed now.", nil, nil)
	descOldest    = prometheus.NewDesc("earshot_queue_oldest_due_age_seconds", "For how long the longest waiting due event has waited.", nil, nil)
	descStamp     = prometheus.NewDesc("earshot_queue_stats_timestamp_seconds", "When the queue was last asked. Every host says the same of the queue: use max(), never sum().", nil, nil)
	descListener  = prometheus.NewDesc("earshot_listener_deliveries", "Deliveries by listener: open, due, running or dead; it counts no further than 10000.", []string{"listener", "state"}, nil)
	descHeld      = prometheus.NewDesc("earshot_breaker_open", "1 while nothing is delivered to a listener since it cannot work.", []string{"listener"}, nil)
	descPaused    = prometheus.NewDesc("earshot_listener_paused", "1 while a person has paused a listener.", []string{"listener"}, nil)
	descDelivered = prometheus.NewDesc("earshot_listener_last_delivered_timestamp_seconds", "When a listener last delivered.", []string{"listener"}, nil)
	descConflicts = prometheus.NewDesc("earshot_claim_conflicts_total", "Transactions that were made again, since another was in the way.", nil, nil)
)

// Watch adds to the metrics how store stands, asked when they are read and no
// oftener than every 5 s. ctx is the host's.
func (m *Metrics) Watch(ctx context.Context, store Store) {
	m.registry.MustRegister(&standing{store: store, life: ctx})
}

// Describe implements prometheus.Collector.
func (s *standing) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descEvents, descDue, descOldest, descStamp, descListener, descHeld, descPaused, descDelivered, descConflicts} {
		out <- d
	}
}

// Collect implements prometheus.Collector. A queue that does not answer leaves
// its numbers out, and the time stamp old.
func (s *standing) Collect(out chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	out <- prometheus.MustNewConstMetric(descConflicts, prometheus.CounterValue, float64(s.store.Conflicts()))
	err := s.refresh()
	if !s.asked.IsZero() {
		gauge(descStamp, float64(s.asked.UnixMilli())/1000)
	}
	if err != nil || s.asked.IsZero() {
		return
	}
	for status, n := range s.stats.Events {
		gauge(descEvents, float64(n), status)
	}
	gauge(descDue, float64(s.stats.Due))
	gauge(descOldest, s.stats.OldestDueAge)
	for _, l := range s.listeners {
		gauge(descListener, float64(l.Open), l.Listener, "open")
		gauge(descListener, float64(l.Due), l.Listener, "due")
		gauge(descListener, float64(l.Running), l.Listener, "running")
		gauge(descListener, float64(l.Dead), l.Listener, "dead")
		gauge(descHeld, flag(l.State == "held"), l.Listener)
		gauge(descPaused, flag(l.State == "paused"), l.Listener)
		if l.LastDelivered != nil {
			gauge(descDelivered, float64(l.LastDelivered.Unix()), l.Listener)
		}
	}
}

func (s *standing) refresh() error {
	if time.Since(s.asked) < fresh {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.life, askWithin)
	defer cancel()
	stats, err := s.store.Stats(ctx)
	if err != nil {
		return err
	}
	listeners, err := s.store.Listeners(ctx)
	if err != nil {
		return err
	}
	s.stats, s.listeners, s.asked = stats, listeners, time.Now()
	return nil
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
