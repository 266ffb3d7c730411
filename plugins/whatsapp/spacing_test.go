package main

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestSpacing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpacing(6 * time.Second)
		begin := time.Now()
		var mu sync.Mutex
		at := map[string][]time.Duration{}
		var wg sync.WaitGroup
		for i := range 8 {
			to := map[bool]string{true: "ana", false: "rui"}[i%2 == 0]
			wg.Go(func() {
				pause, err := s.wait(t.Context(), to, time.Now())
				if pause != 0 || err != nil {
					t.Errorf("wait = %s, %v", pause, err)
				}
				mu.Lock()
				defer mu.Unlock()
				at[to] = append(at[to], time.Since(begin))
			})
		}
		wg.Wait()
		for to, times := range at {
			for i, got := range times {
				if want := time.Duration(i) * 6 * time.Second; got != want {
					t.Errorf("message %d to %s after %s, want %s", i+1, to, got, want)
				}
			}
		}
		if pause := s.reserve("eva", time.Now().Add(time.Hour)); pause != 0 || len(s.next) != 1 {
			t.Errorf("an hour later: pause %s, %d remembered, want 0 and 1", pause, len(s.next))
		}
	})
}

// Whose turn is far away comes back later, and does not push the turns of others.
func TestSpacingFarAway(t *testing.T) {
	s := newSpacing(20 * time.Second)
	now := time.Now()
	for i, want := range []time.Duration{0, 20 * time.Second, 40 * time.Second, 40 * time.Second} {
		if got := s.reserve("ana", now); got != want {
			t.Errorf("call %d: %s, want %s", i+1, got, want)
		}
	}
}

func TestSpacingStops(t *testing.T) {
	s := newSpacing(10 * time.Second)
	s.reserve("ana", time.Now())
	stop := errors.New("the host stops")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if _, err := s.wait(ctx, "ana", time.Now()); !errors.Is(err, stop) {
		t.Errorf("wait = %v, want the cause", err)
	}
}

func TestNoSpacing(t *testing.T) {
	s := newSpacing(0)
	for range 100 {
		if got := s.reserve("ana", time.Now()); got != 0 {
			t.Fatalf("pause %s without per_recipient", got)
		}
	}
}
