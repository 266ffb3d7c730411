// Package telemetry counts what a host does, for Prometheus, and answers
// whether it is well. It watches from outside: it wraps what the dispatcher is
// given, and the dispatcher knows nothing of it.
//
// Labels are bounded: listeners and events by their names in events.yaml,
// everything else from short lists. Nothing here holds a payload or an error's
// text.
package telemetry

import (
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/earshot-host/earshot/host/internal/registry"
)

// Metrics are those of one host. They are safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	names    atomic.Pointer[names]

	deliveries *prometheus.CounterVec
	errors     *prometheus.CounterVec
	duration   *prometheus.HistogramVec
	wait       *prometheus.HistogramVec
	inflight   *prometheus.GaugeVec

	claims        prometheus.Counter
	claimedEvents prometheus.Counter
	refused       prometheus.Counter
	claimDuration prometheus.Histogram
	queueErrors   *prometheus.CounterVec
	redelivered   *prometheus.CounterVec
	leasesLost    prometheus.Counter
	stale         prometheus.Counter

	reloadOK   prometheus.Gauge
	reloadTime prometheus.Gauge
	configHash prometheus.Gauge

	removed *prometheus.CounterVec

	lastRun       prometheus.Gauge
	lastRunEvents prometheus.Gauge
	lastRunOK     prometheus.Gauge
}

// New returns metrics that start at zero.
func New(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		m.registry.MustRegister(c)
		return c
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		m.registry.MustRegister(g)
		return g
	}
	m.deliveries = counters("earshot_deliveries_total", "Attempts that ended, by what became of the delivery: ok, skipped, retry or dead.", "event", "listener", "outcome")
	m.errors = counters("earshot_delivery_errors_total", "Attempts that did not deliver, by why: retry, rejected, unavailable, no_answer or plugin_exit.", "listener", "reason")
	m.duration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "earshot_delivery_duration_seconds", Help: "Time of one call of a listener.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
	}, []string{"listener"})
	m.wait = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "earshot_event_wait_seconds", Help: "Time from the writing of an event to the first call of a listener.",
		Buckets: []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600},
	}, []string{"event"})
	m.inflight = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "earshot_inflight_deliveries", Help: "Calls of listeners that run now."}, []string{"listener"})
	m.claimDuration = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "earshot_claim_duration_seconds", Help: "Time of one claim.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5},
	})
	m.registry.MustRegister(m.duration, m.wait, m.inflight, m.claimDuration)
	m.claims = counter("earshot_claims_total", "Claims that took at least one event.")
	m.claimedEvents = counter("earshot_claimed_events_total", "Events that were taken from pending.")
	m.refused = counter("earshot_refused_events_total", "Events that could not be routed, and ended failed.")
	m.queueErrors = counters("earshot_queue_errors_total", "Calls of the queue that failed, and are made again.", "call")
	m.redelivered = counters("earshot_redeliveries_total", "Deliveries taken over of which nobody knows whether they were made before.", "listener")
	m.leasesLost = counter("earshot_leases_lost_total", "Leases that went to another host while a call was running.")
	m.stale = counter("earshot_stale_results_total", "Results that were dropped, since the delivery had gone to another host.")
	m.reloadOK = gauge("earshot_config_last_reload_successful", "1 if events.yaml could be used when it was last read.")
	m.reloadTime = gauge("earshot_config_last_reload_success_timestamp_seconds", "When events.yaml was last put to use.")
	m.configHash = gauge("earshot_config_hash", "A number made of events.yaml: the same on hosts with the same file.")
	m.removed = counters("earshot_removed_rows_total", "What retention has deleted or emptied: processed, failed, orphans or payloads.", "what")
	m.lastRun = gauge("earshot_last_run_timestamp_seconds", "When the last run for cron ended.")
	m.lastRunEvents = gauge("earshot_last_run_events", "Events that the last run for cron took.")
	m.lastRunOK = gauge("earshot_last_run_successful", "1 if the last run for cron ended without an error of its own.")
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "earshot_build_info", Help: "1, with the version."}, []string{"version", "goversion"})
	info.WithLabelValues(version, runtime.Version()).Set(1)
	m.registry.MustRegister(info)
	return m
}

// Reloaded notes the events.yaml that is in use from now on.
func (m *Metrics) Reloaded(routes *registry.Registry) {
	m.names.Store(namesOf(routes))
	m.reloadOK.Set(1)
	m.reloadTime.SetToCurrentTime()
	// 52 bits are what a float holds exactly.
	if n, err := strconv.ParseUint(routes.Hash[:min(13, len(routes.Hash))], 16, 64); err == nil {
		m.configHash.Set(float64(n))
	}
}

// ReloadFailed notes that events.yaml could not be used.
func (m *Metrics) ReloadFailed() { m.reloadOK.Set(0) }

// Removed notes what retention has removed.
func (m *Metrics) Removed(what string, n int) { m.removed.WithLabelValues(what).Add(float64(n)) }

// Ran notes the end of a run for cron.
func (m *Metrics) Ran(events int, err error) {
	m.lastRun.Set(float64(time.Now().UnixMilli()) / 1000)
	m.lastRunEvents.Set(float64(events))
	m.lastRunOK.Set(0)
	if err == nil {
		m.lastRunOK.Set(1)
	}
}

func (m *Metrics) eventLabel(name string) string { return m.names.Load().label(name) }
