package main

import (
	"os/exec"
	"testing"
)

// A mutant whose text is no longer in the product, or that does not build,
// proves nothing: `make chaos-mutants` runs them all.
func TestMutantsStillApply(t *testing.T) {
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			overlay, err := m.overlay(t.Context(), t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			build := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlay, "../internal/queue", "../internal/dispatch")
			if out, err := build.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
