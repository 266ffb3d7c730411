package main

import "testing"

// A mutant whose text is no longer in the product would be caught for nothing
// to do with its name: `make chaos-mutants` runs them all.
func TestMutantsStillApply(t *testing.T) {
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			if _, err := m.overlay(t.Context(), t.TempDir()); err != nil {
				t.Error(err)
			}
		})
	}
}
