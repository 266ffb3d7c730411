package main

import (
	"strings"
	"testing"
	"time"
)

// A short run with a fixed seed and every kind of fault. `make chaos` runs for
// minutes, with a seed of its own.
func TestPromisesHoldUnderFaults(t *testing.T) {
	var log strings.Builder
	report, err := run(t.Context(), options{
		seed: 1, length: 6 * time.Second, every: 250 * time.Millisecond,
		events: 800, services: 2, crons: 1, nodes: 1, dir: t.TempDir(), log: &log,
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	if !report.OK() {
		t.Errorf("promises were broken:\n%s", &log)
	}
	if report.Calls < 800 {
		t.Errorf("only %d calls were made: nothing was tested\n%s", report.Calls, &log)
	}
}
