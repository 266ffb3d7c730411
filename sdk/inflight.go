package sdk

import (
	"context"
	"sync"
)

// inflight counts the deliveries that are with the listener.
type inflight struct {
	mu      sync.Mutex
	n       int
	refuse  bool
	changed chan struct{} // closed and replaced when n reaches zero
}

// enter takes n deliveries in, or none once the listener is stopping.
func (f *inflight) enter(n int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse {
		return false
	}
	f.n += n
	return true
}

func (f *inflight) leave(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n -= n
	if f.n == 0 && f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}

// drain refuses new deliveries and returns how many are left when all have
// ended or ctx has.
func (f *inflight) drain(ctx context.Context) int {
	f.mu.Lock()
	f.refuse = true
	if f.n == 0 {
		f.mu.Unlock()
		return 0
	}
	if f.changed == nil {
		f.changed = make(chan struct{})
	}
	idle := f.changed
	f.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n
}
