package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler answers /metrics, /-/healthy and /-/ready, and their other names
// /livez and /readyz.
func (m *Metrics) Handler(store Store) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 2 * askWithin}))
	healthy := func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, health{OK: true}) }
	ready := &readiness{store: store}
	for _, path := range []string{"GET /-/healthy", "GET /livez"} {
		mux.HandleFunc(path, healthy)
	}
	for _, path := range []string{"GET /-/ready", "GET /readyz"} {
		mux.Handle(path, ready)
	}
	return mux
}

// health is the answer of a health check.
type health struct {
	OK      bool     `json:"ok"`
	Reasons []string `json:"reasons,omitempty"`
}

func answer(w http.ResponseWriter, code int, h health) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	// Who has gone away needs no answer.
	_ = json.NewEncoder(w).Encode(h)
}

// readiness asks the database, at most once in a second.
type readiness struct {
	store Store
	mu    sync.Mutex
	asked time.Time
	err   error
}

func (r *readiness) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	if time.Since(r.asked) > time.Second {
		ctx, cancel := context.WithTimeout(req.Context(), askWithin)
		r.err = r.store.Check(ctx)
		cancel()
		r.asked = time.Now()
	}
	err := r.err
	r.mu.Unlock()
	if err != nil {
		answer(w, http.StatusServiceUnavailable, health{Reasons: []string{err.Error()}})
		return
	}
	answer(w, http.StatusOK, health{OK: true})
}

// Serve answers on addr until ctx ends. ready is called with the address once
// it listens.
func (m *Metrics) Serve(ctx context.Context, addr string, store Store, ready func(net.Addr)) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listen for metrics: %w", err)
	}
	server := &http.Server{Handler: m.Handler(store), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	// A scrape that is cut off comes again.
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	ready(l.Addr())
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("answer for metrics: %w", err)
	}
	return nil
}
