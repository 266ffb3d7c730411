package main

import (
	"context"
	"sync"
	"time"
)

// maxPause bounds how long a delivery waits for its turn inside the listener;
// for longer it comes back later.
const maxPause = 30 * time.Second

// spacing keeps messages to one recipient apart: WhatsApp refuses bursts to
// one person, which a move of many appointments of one customer makes.
type spacing struct {
	every time.Duration
	mu    sync.Mutex
	next  map[string]time.Time
}

func newSpacing(every time.Duration) *spacing {
	return &spacing{every: every, next: make(map[string]time.Time)}
}

// wait blocks until it is the recipient's turn. It returns how long to come
// back after if that is too far away, and an error if ctx ends first.
func (s *spacing) wait(ctx context.Context, to string, now time.Time) (time.Duration, error) {
	pause := s.reserve(to, now)
	if pause > maxPause {
		return pause, nil
	}
	if pause <= 0 {
		return 0, nil
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return 0, nil
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// reserve takes the recipient's next turn, unless it is too far away.
func (s *spacing) reserve(to string, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, at := range s.next { // at most one entry per recipient of the last seconds
		if !at.After(now) {
			delete(s.next, key)
		}
	}
	turn := now
	if at, ok := s.next[to]; ok {
		turn = at
	}
	pause := turn.Sub(now)
	if pause <= maxPause && s.every > 0 {
		s.next[to] = turn.Add(s.every)
	}
	return pause
}
