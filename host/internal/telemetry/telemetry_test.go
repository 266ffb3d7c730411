package telemetry_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/migrate"
	"github.com/earshot-host/earshot/host/internal/queue"
	"github.com/earshot-host/earshot/host/internal/registry"
	"github.com/earshot-host/earshot/host/internal/telemetry"
	"github.com/earshot-host/earshot/host/internal/testdb"
)

const eventsYAML = `version: 1
listeners:
  email: {plugin: email}
events:
  appointment.saved: [email]
  order.*: [email]
`

func routes(t *testing.T) *registry.Registry {
	t.Helper()
	path := filepath.Join(t.TempDir(), "events.yaml")
	if err := os.WriteFile(path, []byte(eventsYAML), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := registry.Load(path, registry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func openQueue(t *testing.T, db testdb.DB) *queue.Store {
	t.Helper()
	s, err := queue.Open(t.Context(), queue.Options{Driver: db.Driver, DSN: db.DSN})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	m, err := migrate.New(s.SQL(), db.Driver, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// outcomes answers by the event's name.
type outcomes map[string]event.Outcome

func (o outcomes) Deliver(_ context.Context, _ *registry.Listener, d event.Delivery) event.Outcome {
	return o[d.Event.Name]
}

func (o outcomes) DeliverBatch(ctx context.Context, l *registry.Listener, ds []event.Delivery) []event.Outcome {
	var out []event.Outcome
	for _, d := range ds {
		out = append(out, o.Deliver(ctx, l, d))
	}
	return out
}

func (outcomes) Batches(*registry.Listener) bool { return true }

// work sends one event of each name through a watched queue and deliverer.
func work(t *testing.T, m *telemetry.Metrics, s *queue.Store, r *registry.Registry, answers outcomes) {
	t.Helper()
	for name := range answers {
		if _, err := s.Enqueue(t.Context(), name, []byte(`{}`), 0); err != nil {
			t.Fatal(err)
		}
	}
	q, d := m.Queue(s), m.Deliverer(answers)
	claim, err := q.Claim(t.Context(), 100, false, func(events []event.Event) []event.Plan {
		plans := make([]event.Plan, len(events))
		for i := range events {
			plans[i].Targets = []event.Target{{Listener: "email", Lease: true}}
		}
		return plans
	})
	if err != nil {
		t.Fatal(err)
	}
	var group []event.Settled
	for i, dl := range claim.Deliveries {
		var o event.Outcome
		if i%2 == 0 {
			o = d.Deliver(t.Context(), r.Listeners["email"], dl)
		} else {
			o = d.DeliverBatch(t.Context(), r.Listeners["email"], []event.Delivery{dl})[0]
		}
		group = append(group, event.Settled{Delivery: dl, Outcome: o, Settlement: event.Settle(dl, o, event.DefaultPolicy(), 0)})
	}
	if _, err := q.Record(t.Context(), group); err != nil {
		t.Fatal(err)
	}
}

func scrape(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return rec.Code, rec.Body.String()
}

func TestMetrics(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db testdb.DB) {
		m, s, r := telemetry.New("v1"), openQueue(t, db), routes(t)
		m.Reloaded(r)
		m.Watch(t.Context(), s)
		work(t, m, s, r, outcomes{
			"appointment.saved": {Code: event.Delivered},
			"order.paid":        {Code: event.Rejected, Reason: "no such mailbox ana@example.com"},
			"order.lost":        {Code: event.Retry, Reason: "busy"},
			"nobody.knows":      {Code: event.Unknown, Reason: "no answer"},
		})
		if _, err := s.Pause(t.Context(), "email"); err != nil {
			t.Fatal(err)
		}
		m.Removed("processed", 3)
		_, text := scrape(t, m.Handler(s), "/metrics")
		for _, want := range []string{
			`earshot_deliveries_total{event="appointment.saved",listener="email",outcome="ok"} 1`,
			`earshot_deliveries_total{event="order.*",listener="email",outcome="dead"} 1`,
			`earshot_deliveries_total{event="order.*",listener="email",outcome="retry"} 1`,
			`earshot_deliveries_total{event="other",listener="email",outcome="retry"} 1`,
			`earshot_delivery_errors_total{listener="email",reason="no_answer"} 1`,
			`earshot_delivery_errors_total{listener="email",reason="rejected"} 1`,
			`earshot_delivery_errors_total{listener="email",reason="retry"} 1`,
			`earshot_delivery_duration_seconds_count{listener="email"} 4`,
			`earshot_event_wait_seconds_count{event="order.*"} 2`,
			`earshot_inflight_deliveries{listener="email"} 0`,
			`earshot_claims_total 1`,
			`earshot_claimed_events_total 4`,
			`earshot_queue_events{status="processed"} 1`,
			`earshot_queue_events{status="failed"} 1`,
			`earshot_queue_events{status="processing"} 2`,
			`earshot_queue_oldest_due_age_seconds 0`,
			`earshot_listener_deliveries{listener="email",state="dead"} 1`,
			`earshot_listener_deliveries{listener="email",state="open"} 2`,
			`earshot_listener_paused{listener="email"} 1`,
			`earshot_breaker_open{listener="email"} 0`,
			`earshot_config_last_reload_successful 1`,
			`earshot_removed_rows_total{what="processed"} 3`,
			`earshot_build_info{goversion="`,
		} {
			if !strings.Contains(text, want) {
				t.Errorf("there is no %s", want)
			}
		}
		if strings.Contains(text, "example.com") || strings.Contains(text, "nobody.knows") {
			t.Error("what the table or an error says has become a label")
		}
		problems, err := promlint.New(strings.NewReader(text)).Lint()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
		if t.Failed() {
			t.Log(text)
		}
	})
}

func TestHealth(t *testing.T) {
	m, s := telemetry.New("v1"), openQueue(t, testdb.SQLite(t))
	m.Watch(t.Context(), s)
	h := m.Handler(s)
	for _, path := range []string{"/-/healthy", "/livez", "/-/ready", "/readyz"} {
		if code, text := scrape(t, h, path); code != http.StatusOK || text != "{\"ok\":true}\n" {
			t.Errorf("%s: %d %s", path, code, text)
		}
	}
	if code, _ := scrape(t, h, "/"); code != http.StatusNotFound {
		t.Errorf("/: %d, want not found", code)
	}
	s.Close()
	h = m.Handler(s)
	code, text := scrape(t, h, "/-/ready")
	var answer struct {
		OK      bool
		Reasons []string
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || code != http.StatusServiceUnavailable || answer.OK || len(answer.Reasons) != 1 {
		t.Errorf("/-/ready without a database: %d %s", code, text)
	}
	if code, _ := scrape(t, h, "/-/healthy"); code != http.StatusOK {
		t.Errorf("/-/healthy without a database: %d; a restart would mend nothing", code)
	}
	if code, text := scrape(t, h, "/metrics"); code != http.StatusOK || strings.Contains(text, "earshot_queue_events") {
		t.Errorf("/metrics without a database: %d, with numbers of the queue", code)
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	m, s := telemetry.New("v1"), openQueue(t, testdb.SQLite(t))
	ctx, cancel := context.WithCancel(t.Context())
	at := make(chan net.Addr, 1)
	done := make(chan error, 1)
	go func() { done <- m.Serve(ctx, "127.0.0.1:0", s, func(a net.Addr) { at <- a }) }()
	addr := (<-at).String()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + addr + "/-/healthy")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if err := m.Serve(ctx, addr, s, func(net.Addr) { t.Error("two listen on one port") }); err == nil {
		t.Error("no error for a port that is taken")
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Serve = %v", err)
	}
}

func TestTextfile(t *testing.T) {
	m := telemetry.New("v1")
	path := filepath.Join(t.TempDir(), "earshot.prom")
	m.Ran(7, errors.New("queue out of reach"))
	if err := m.WriteTextfile(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"earshot_last_run_events 7", "earshot_last_run_successful 0", "earshot_last_run_timestamp_seconds 1"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("there is no %s", want)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v, want readable for node_exporter", info.Mode(), err)
	}
	if err := m.WriteTextfile(filepath.Join(path, "not", "a", "folder.prom")); err == nil {
		t.Error("no error for a folder that is not there")
	}
}

func TestPing(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.URL.Path)
		if strings.Contains(r.URL.Path, "refuse") {
			w.WriteHeader(http.StatusForbidden)
		}
		io.WriteString(w, "OK")
	}))
	defer server.Close()
	for _, failed := range []bool{false, true} {
		if err := telemetry.Ping(t.Context(), server.URL+"/key", failed); err != nil {
			t.Error(err)
		}
	}
	if strings.Join(got, " ") != "/key /key/fail" {
		t.Errorf("asked for %v", got)
	}
	for _, url := range []string{server.URL + "/refuse-key", "http://127.0.0.1:1/key", "http://[/key"} {
		if err := telemetry.Ping(t.Context(), url, false); err == nil || strings.Contains(err.Error(), "key") {
			t.Errorf("Ping = %v, want an error without what is behind the host", err)
		}
	}
}

// TestRulesAndDashboard holds config's alerts and dashboard to what there is.
func TestRulesAndDashboard(t *testing.T) {
	m, s, r := telemetry.New("v1"), openQueue(t, testdb.SQLite(t)), routes(t)
	m.Reloaded(r)
	m.Watch(t.Context(), s)
	work(t, m, s, r, outcomes{"order.paid": {Code: event.Rejected}})
	if _, err := s.Pause(t.Context(), "email"); err != nil {
		t.Fatal(err)
	}
	m.Removed("processed", 1)
	_, text := scrape(t, m.Handler(s), "/metrics")
	kinds := make(map[string]string)
	for _, line := range regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`).FindAllStringSubmatch(text, -1) {
		kinds[line[1]] = line[2]
		if line[2] == "histogram" {
			for _, suffix := range []string{"_bucket", "_count", "_sum"} {
				kinds[line[1]+suffix] = "counter"
			}
		}
	}
	// Without a delivery that is taken over or a failed call these are not shown.
	kinds["earshot_redeliveries_total"], kinds["earshot_queue_errors_total"], kinds["earshot_listener_last_delivered_timestamp_seconds"] = "counter", "counter", "gauge"
	for _, file := range []string{"alerts.yaml", "dashboard.json"} {
		text, err := os.ReadFile(filepath.Join("../../../config", file))
		if err != nil {
			t.Fatal(err)
		}
		used := regexp.MustCompile(`(rate|increase)?\(?\s*\b(earshot_[a-z_]+)\b(\{[^}]*\})?(\[)?`).FindAllStringSubmatch(string(text), -1)
		if len(used) < 8 {
			t.Errorf("%s uses %d metrics: was it read?", file, len(used))
		}
		for _, u := range used {
			kind := kinds[u[2]]
			if kind == "" {
				t.Errorf("%s: there is no metric %s", file, u[2])
			}
			if u[4] == "[" && kind != "counter" && u[1] != "" {
				t.Errorf("%s: a rate of %s, which is a %s", file, u[2], kind)
			}
		}
	}
}
