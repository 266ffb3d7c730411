package gate_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/gate"
	"github.com/earshot-host/earshot/host/internal/migrate"
	"github.com/earshot-host/earshot/host/internal/queue"
	"github.com/earshot-host/earshot/host/internal/testdb"
)

func open(t *testing.T, db testdb.DB) *queue.Store {
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

func enqueue(t *testing.T, s *queue.Store, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := s.Enqueue(t.Context(), name, []byte(`{}`), 0); err != nil {
			t.Fatal(err)
		}
	}
}

// claim takes all events, leased or left in the queue.
func claim(t *testing.T, g *gate.Gate, lease bool) []string {
	t.Helper()
	c, err := g.Claim(t.Context(), 100, false, func(events []event.Event) []event.Plan {
		plans := make([]event.Plan, len(events))
		for i := range events {
			plans[i].Targets = []event.Target{{Listener: "email", Lease: lease}}
		}
		return plans
	})
	if err != nil {
		t.Fatal(err)
	}
	return namesOf(c.Deliveries)
}

func take(t *testing.T, g *gate.Gate) ([]string, int) {
	t.Helper()
	taken, err := g.Take(t.Context(), event.Take{Listener: "email", Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return namesOf(taken.Deliveries), taken.Passed
}

func namesOf(ds []event.Delivery) []string {
	var out []string
	for _, d := range ds {
		out = append(out, d.Event.Name)
	}
	return out
}

func pause(t *testing.T, s *queue.Store, name string) {
	t.Helper()
	if changed, err := s.PauseEvent(t.Context(), name); err != nil || !changed {
		t.Fatalf("PauseEvent = %v, %v", changed, err)
	}
}

// look makes a new gate see what is paused.
func look(t *testing.T, s *queue.Store) *gate.Gate {
	t.Helper()
	g := gate.New(s)
	if _, err := g.Due(t.Context(), []string{"email"}); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestPausedEventsWait(t *testing.T) {
	for _, lease := range []bool{true, false} {
		testdb.Each(t, func(t *testing.T, db testdb.DB) {
			t.Run(fmt.Sprintf("lease=%v", lease), func(t *testing.T) {
				s := open(t, db)
				enqueue(t, s, "order.paid", "order.sent", "appointment.saved", "order.paid")
				pause(t, s, "order.paid")
				if changed, err := s.PauseEvent(t.Context(), "order.paid"); err != nil || changed {
					t.Errorf("second PauseEvent = %v, %v", changed, err)
				}
				g := look(t, s)
				got := claim(t, g, lease)
				if !lease {
					var passed int
					if got, passed = take(t, g); passed != 2 {
						t.Errorf("%d were put back, want 2", passed)
					}
				}
				if want := []string{"order.sent", "appointment.saved"}; !slices.Equal(got, want) {
					t.Errorf("handed out %v, want %v", got, want)
				}
				if got, _ := take(t, g); len(got) != 0 {
					t.Errorf("took %v, want nothing: the rest is parked", got)
				}
				if changed, err := s.ResumeEvent(t.Context(), "order.paid"); err != nil || !changed {
					t.Fatalf("ResumeEvent = %v, %v", changed, err)
				}
				// This gate has not looked again: the queue itself must say that they may go.
				if got, _ := take(t, g); !slices.Equal(got, []string{"order.paid", "order.paid"}) {
					t.Errorf("resumed, took %v, want both", got)
				}
			})
		})
	}
}

func TestPauseByPrefix(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db testdb.DB) {
		s := open(t, db)
		enqueue(t, s, "order.paid", "order.sent", "orders", "appointment.saved")
		pause(t, s, "order.*")
		g := look(t, s)
		if got, want := claim(t, g, true), []string{"orders", "appointment.saved"}; !slices.Equal(got, want) {
			t.Errorf("claimed %v, want %v", got, want)
		}
		if _, err := s.ResumeEvent(t.Context(), "order.*"); err != nil {
			t.Fatal(err)
		}
		if got, _ := take(t, look(t, s)); !slices.Equal(got, []string{"order.paid", "order.sent"}) {
			t.Errorf("resumed, took %v", got)
		}
	})
}
