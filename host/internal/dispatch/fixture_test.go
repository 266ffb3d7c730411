package dispatch_test

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/earshot-host/earshot/host/internal/dispatch"
	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/migrate"
	"github.com/earshot-host/earshot/host/internal/queue"
	"github.com/earshot-host/earshot/host/internal/registry"
	"github.com/earshot-host/earshot/host/internal/testdb"
)

// fixture is a real queue and the application that feeds it.
type fixture struct {
	t   *testing.T
	db  testdb.DB
	app *sql.DB
}

func onEach(t *testing.T, fn func(t *testing.T, f fixture)) {
	testdb.Each(t, func(t *testing.T, db testdb.DB) {
		f := fixture{t: t, db: db}
		s := f.store("setup")
		m, err := migrate.New(s.SQL(), db.Driver, false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.app = db.Open(t)
		fn(t, f)
	})
}

func (f fixture) store(name string) *queue.Store {
	f.t.Helper()
	s, err := queue.Open(f.t.Context(), queue.Options{Driver: f.db.Driver, DSN: f.db.DSN, Host: name})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { s.Close() })
	return s
}

func (f fixture) exec(stmt string, args ...any) {
	f.t.Helper()
	if _, err := f.app.Exec(stmt, args...); err != nil {
		f.t.Fatalf("%s: %v", stmt, err)
	}
}

// insert writes n events named after their key.
func (f fixture) insert(name string, n int) {
	f.t.Helper()
	for i := range n {
		f.exec("INSERT INTO event_queue (event_name, payload) VALUES (?, ?)", name, fmt.Sprintf(`{"key":%q,"n":%d}`, name, i))
	}
}

func (f fixture) want(want int, stmt string, args ...any) {
	f.t.Helper()
	var got int
	if err := f.app.QueryRow(stmt, args...).Scan(&got); err != nil {
		f.t.Fatalf("%s: %v", stmt, err)
	}
	if got != want {
		f.t.Errorf("%s = %d, want %d", stmt, got, want)
	}
}

// until waits for a condition that only the database shows.
func (f fixture) until(stmt string) {
	f.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var holds bool
		if err := f.app.QueryRow(stmt).Scan(&holds); err != nil {
			f.t.Fatal(err)
		}
		if holds {
			return
		}
		select {
		case <-f.t.Context().Done():
			f.t.Fatalf("%s: never came true", stmt)
		case <-tick.C:
		}
	}
}

// routes reads events.yaml.
func routes(t *testing.T, yaml string) *registry.Registry {
	t.Helper()
	r, err := registry.Parse("events.yaml", []byte("version: 1\n"+yaml), registry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const two = `
defaults: {retry: {first: 1s, jitter: 0}}
listeners:
  email: {plugin: email}
  log: {plugin: log}
events:
  "*": [email, log]
`

// listener is what the far side of the wire does, as a function.
type listener func(ctx context.Context, l *registry.Listener, d event.Delivery) event.Outcome

func (fn listener) Deliver(ctx context.Context, l *registry.Listener, d event.Delivery) event.Outcome {
	return fn(ctx, l, d)
}

func (listener) Batches(*registry.Listener) bool { return false }

func (listener) DeliverBatch(context.Context, *registry.Listener, []event.Delivery) []event.Outcome {
	panic("a listener that takes one at a time was given many")
}

var delivered = event.Outcome{Code: event.Delivered}

// calls counts deliveries by listener.
type calls struct {
	mu sync.Mutex
	by map[string]int
}

func (c *calls) add(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = make(map[string]int)
	}
	c.by[name]++
	return c.by[name]
}

// once runs one pass to its end.
func (f fixture) once(r *registry.Registry, fn listener, opt dispatch.Options) dispatch.Summary {
	f.t.Helper()
	opt.Once = true
	s := f.store("once")
	sum, err := dispatch.New(s, s, fn, r, opt).Run(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return sum
}

// service runs until stop is called, which returns when it has drained.
func (f fixture) service(q dispatch.Claimer, rec dispatch.Recorder, r *registry.Registry, fn listener, opt dispatch.Options) (d *dispatch.Dispatcher, stop func()) {
	ctx, cancel := context.WithCancel(f.t.Context())
	d = dispatch.New(q, rec, fn, r, opt)
	var done sync.WaitGroup
	done.Go(func() {
		if _, err := d.Run(ctx); err != nil {
			f.t.Error(err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); done.Wait() })
	f.t.Cleanup(stop)
	return d, stop
}

// short are leases that a test can wait for.
const short = 600 * time.Millisecond
