package main

import (
	"sync"
	"time"

	"github.com/earshot-host/earshot/host/chaos/check"
)

// journal notes which faults were made, and when.
type journal struct {
	mu     sync.Mutex
	faults []check.Fault
}

// begin notes the start of a fault that hits pid, or all with zero. Call the
// function that it returns when the fault is over.
func (j *journal) begin(kind check.Kind, pid int) (end func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	i := len(j.faults)
	// A fault without an end lasts for ever.
	j.faults = append(j.faults, check.Fault{Kind: kind, PID: pid, From: time.Now().UnixNano(), To: 1<<63 - 1<<40})
	return func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.faults[i].To = time.Now().UnixNano()
	}
}

func (j *journal) all() []check.Fault {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]check.Fault(nil), j.faults...)
}

func (j *journal) counts() map[check.Kind]int {
	out := make(map[check.Kind]int)
	for _, f := range j.all() {
		out[f.Kind]++
	}
	return out
}
