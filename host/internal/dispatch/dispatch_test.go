package dispatch_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/earshot-host/earshot/host/internal/dispatch"
	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/queue"
	"github.com/earshot-host/earshot/host/internal/registry"
)

func TestOncePassDrainsAndEnds(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert("order.paid", 250)
		var c calls
		sum := f.once(routes(t, two), func(_ context.Context, l *registry.Listener, _ event.Delivery) event.Outcome {
			c.add(l.Name)
			return delivered
		}, dispatch.Options{})
		if want := (dispatch.Summary{Events: 250, Delivered: 500}); sum != want {
			t.Errorf("summary = %+v, want %+v", sum, want)
		}
		if diff := cmp.Diff(map[string]int{"email": 250, "log": 250}, c.by); diff != "" {
			t.Error(diff)
		}
		f.want(250, "SELECT COUNT(*) FROM event_queue WHERE status = 'processed'")
	})
}

func TestLimitIsKept(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert("order.paid", 20)
		sum := f.once(routes(t, two), func(context.Context, *registry.Listener, event.Delivery) event.Outcome { return delivered },
			dispatch.Options{Limit: 7})
		if sum.Events != 7 {
			t.Errorf("claimed %d events, want 7", sum.Events)
		}
		f.want(7, "SELECT COUNT(*) FROM event_queue WHERE status = 'processed'")
		f.want(13, "SELECT COUNT(*) FROM event_queue WHERE status = 'pending'")
	})
}

func TestASlowListenerHoldsUpNobody(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		const events = 300
		f.insert("order.paid", events)
		release := make(chan struct{})
		var c calls
		f.once(routes(t, two), func(_ context.Context, l *registry.Listener, _ event.Delivery) event.Outcome {
			n := c.add(l.Name)
			if l.Name == "log" {
				if n == events {
					close(release)
				}
				return delivered
			}
			// All of log's calls end before email's first does, or this waits for ever.
			<-release
			return delivered
		}, dispatch.Options{Batch: 20})
		f.want(events, "SELECT COUNT(*) FROM event_queue WHERE status = 'processed'")
	})
}

func TestAnUnavailableListenerGetsNoMoreCalls(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert("order.paid", 100)
		var c calls
		f.once(routes(t, two), func(_ context.Context, l *registry.Listener, _ event.Delivery) event.Outcome {
			c.add(l.Name)
			if l.Name == "email" {
				return event.Outcome{Code: event.Unavailable, Reason: "wrong password"}
			}
			return delivered
		}, dispatch.Options{})
		if most := routes(t, two).Listeners["email"].Concurrency; c.by["email"] == 0 || c.by["email"] > most {
			t.Errorf("%d calls to a listener that cannot work, want 1 to %d", c.by["email"], most)
		}
		if c.by["log"] != 100 {
			t.Errorf("%d calls to the other listener, want 100", c.by["log"])
		}
		f.want(0, "SELECT SUM(attempts) FROM event_deliveries WHERE listener = 'email'")
		f.want(100, "SELECT COUNT(*) FROM event_deliveries WHERE listener = 'email' AND state = 'open' AND token IS NULL")
		f.want(1, "SELECT COUNT(*) FROM event_listeners WHERE listener = 'email' AND held_until IS NOT NULL")
	})
}

func TestAfterAHoldOneGoesFirst(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert("order.paid", 50)
		f.exec("INSERT INTO event_listeners (listener, holds, held_since, held_until) VALUES ('email', 2, '2020-01-01 00:00:00', '2020-01-01 00:01:00')")
		var running atomic.Int64
		var worked atomic.Bool
		f.once(routes(t, two), func(_ context.Context, l *registry.Listener, _ event.Delivery) event.Outcome {
			if l.Name == "email" && !worked.Load() {
				if n := running.Add(1); n > 1 {
					t.Errorf("%d calls before one has worked", n)
				}
				defer running.Add(-1)
				defer worked.Store(true)
			}
			return delivered
		}, dispatch.Options{})
		f.want(50, "SELECT COUNT(*) FROM event_queue WHERE status = 'processed'")
		f.want(0, "SELECT holds FROM event_listeners WHERE listener = 'email'")
	})
}

func TestSuspectsRunAlone(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		const one = `
defaults: {retry: {first: 1s, jitter: 0}, concurrency: 8}
listeners:
  email: {plugin: email}
events:
  "*": [email]
`
		f.insert("order.paid", 40)
		f.insert("poison", 1)
		// Some of them were in a crash before.
		r := routes(t, one)
		f.once(r, func(_ context.Context, _ *registry.Listener, d event.Delivery) event.Outcome {
			if d.Event.Name == "poison" || d.Event.ID%4 == 0 {
				return event.Outcome{Code: event.Lost, Reason: "exit code 3"}
			}
			return delivered
		}, dispatch.Options{})
		f.exec("UPDATE event_listeners SET held_until = NULL, holds = 0, crashes = 0")
		f.exec("UPDATE event_deliveries SET due_at = '2020-01-01 00:00:00' WHERE due_at IS NOT NULL")
		f.insert("order.paid", 40)
		var running atomic.Int64
		f.once(r, func(_ context.Context, _ *registry.Listener, d event.Delivery) event.Outcome {
			n := running.Add(1)
			defer running.Add(-1)
			if d.Suspect() && n > 1 {
				t.Errorf("a suspect runs beside %d others", n-1)
			}
			if d.Event.Name == "poison" {
				return event.Outcome{Code: event.Rejected, Reason: "no"}
			}
			return delivered
		}, dispatch.Options{})
		f.want(80, "SELECT COUNT(*) FROM event_queue WHERE status = 'processed'")
	})
}

func TestStoppingGivesBackAndDrains(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert("order.paid", 100)
		began, release := make(chan struct{}, 100), make(chan struct{})
		s := f.store("a")
		_, stop := f.service(s, s, routes(t, two), func(ctx context.Context, _ *registry.Listener, _ event.Delivery) event.Outcome {
			began <- struct{}{}
			<-release
			return delivered
		}, dispatch.Options{})
		<-began
		done := make(chan struct{})
		go func() { stop(); close(done) }()
		// What has not begun is given back while the calls still run.
		f.until("SELECT COUNT(*) > 0 FROM event_deliveries WHERE token IS NULL AND due_at IS NOT NULL")
		close(release)
		<-done
		f.want(0, "SELECT COUNT(*) FROM event_deliveries WHERE token IS NOT NULL")
		f.want(0, "SELECT COUNT(*) FROM event_deliveries WHERE state = 'open' AND (attempts > 0 OR redelivered)")
		var open int
		if err := f.app.QueryRow("SELECT COUNT(*) FROM event_deliveries WHERE state = 'open'").Scan(&open); err != nil || open == 0 {
			t.Errorf("%d deliveries were given back (%v), want some", open, err)
		}
		f.want(0, "SELECT COUNT(*) FROM event_attempts")
	})
}

func TestACallThatOutlastsTheDrainSpendsNoAttempt(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert("order.paid", 1)
		began := make(chan struct{}, 2)
		s := f.store("a")
		_, stop := f.service(s, s, routes(t, two), func(ctx context.Context, _ *registry.Listener, _ event.Delivery) event.Outcome {
			began <- struct{}{}
			<-ctx.Done()
			return event.Outcome{Code: event.Unknown, Reason: "cancelled", Receipts: []event.Receipt{{Key: "customer"}}}
		}, dispatch.Options{Drain: 50 * time.Millisecond})
		<-began
		<-began
		stop()
		f.want(2, "SELECT COUNT(*) FROM event_deliveries WHERE state = 'open' AND attempts = 0 AND redelivered AND token IS NULL AND receipts LIKE '%customer%'")
	})
}

func TestALostLeaseEndsItsCall(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert("order.paid", 1)
		began, ended := make(chan int64), make(chan error)
		s := f.store("a")
		r := routes(t, "listeners: {log: {plugin: log}}\nevents: {'*': [log]}\n")
		_, stop := f.service(s, s, r, func(ctx context.Context, _ *registry.Listener, d event.Delivery) event.Outcome {
			began <- d.ID
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return event.Outcome{Code: event.Unknown, Reason: "cancelled"}
		}, dispatch.Options{Lease: short})
		id := <-began
		f.exec("UPDATE event_deliveries SET token = 'of-another-host', due_at = '2100-01-01 00:00:00' WHERE id = ?", id)
		<-ended
		stop()
		f.want(1, "SELECT COUNT(*) FROM event_deliveries WHERE token = 'of-another-host' AND attempts = 0")
	})
}

// silent is a queue whose leases cannot be renewed.
type silent struct{ *queue.Store }

func (silent) Renew(context.Context, []event.Delivery) ([]int64, error) {
	return nil, errors.New("no answer")
}

func TestALeaseIsNotTrustedBeyondItsEnd(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert("order.paid", 1)
		s := f.store("a")
		r := routes(t, "listeners: {log: {plugin: log}}\nevents: {'*': [log]}\n")
		ended := make(chan struct{})
		_, stop := f.service(s, silent{s}, r, func(ctx context.Context, _ *registry.Listener, _ event.Delivery) event.Outcome {
			<-ctx.Done()
			ended <- struct{}{}
			return event.Outcome{Code: event.Unknown, Reason: "cancelled"}
		}, dispatch.Options{Lease: short})
		<-ended
		stop()
		f.want(0, "SELECT SUM(attempts) FROM event_deliveries")
	})
}

func TestARateHoldsAndTheRestWaits(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert("order.paid", 5)
		r := routes(t, "listeners: {sms: {plugin: sms, rate: 2/h}, log: {plugin: log}}\nevents: {'*': [sms, log]}\n")
		var c calls
		f.once(r, func(_ context.Context, l *registry.Listener, _ event.Delivery) event.Outcome {
			c.add(l.Name)
			return delivered
		}, dispatch.Options{MaxTime: 300 * time.Millisecond})
		if diff := cmp.Diff(map[string]int{"sms": 1, "log": 5}, c.by); diff != "" {
			t.Error(diff)
		}
	})
}

func TestReloadRoutesWhatIsClaimedFromThenOn(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		got := make(chan string, 10)
		s := f.store("a")
		d, stop := f.service(s, s, routes(t, "listeners: {log: {plugin: log}}\nevents: {'*': [log]}\n"),
			func(_ context.Context, l *registry.Listener, d event.Delivery) event.Outcome {
				got <- l.Name + " " + d.Event.Name
				return delivered
			}, dispatch.Options{})
		f.insert("first", 1)
		if g := <-got; g != "log first" {
			t.Fatalf("called %s", g)
		}
		d.Reload(routes(t, "listeners: {crm: {plugin: crm}}\nevents: {'*': [crm]}\n"))
		// A claim that had begun may still go by the old routes.
		f.insert("second", 1)
		if g := <-got; g == "log second" {
			f.insert("third", 1)
			if g = <-got; g != "crm third" {
				t.Fatalf("called %s", g)
			}
		}
		stop()
	})
}

// shaky is a queue that is out of reach for its first calls.
type shaky struct {
	*queue.Store
	left atomic.Int64
}

func (s *shaky) Due(ctx context.Context, names []string) (event.Due, error) {
	if s.left.Add(-1) >= 0 {
		return event.Due{}, errors.New("no answer")
	}
	return s.Store.Due(ctx, names)
}

func (s *shaky) Record(ctx context.Context, group []event.Settled) (int, error) {
	if s.left.Add(-1) >= -3 {
		return 0, errors.New("no answer")
	}
	return s.Store.Record(ctx, group)
}

func TestAQueueOutOfReachIsTriedAgain(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert("order.paid", 3)
		s := &shaky{Store: f.store("a")}
		s.left.Store(2)
		sum, err := dispatch.New(s, s, listener(func(context.Context, *registry.Listener, event.Delivery) event.Outcome { return delivered }),
			routes(t, two), dispatch.Options{Once: true}).Run(t.Context())
		if err != nil || sum.Delivered != 6 {
			t.Errorf("Run = %+v, %v", sum, err)
		}
		f.want(3, "SELECT COUNT(*) FROM event_queue WHERE status = 'processed'")
		s.left.Store(1000)
		_, err = dispatch.New(s, s, nil, routes(t, two), dispatch.Options{Once: true}).Run(t.Context())
		if err == nil {
			t.Error("a pass over a queue that stays out of reach ends without an error")
		}
	})
}
