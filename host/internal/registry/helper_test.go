package registry_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/earshot-host/earshot/host/internal/registry"
)

var update = flag.Bool("update", false, "write golden files")

// env is the environment that tests see.
func env(name string) (string, bool) {
	v, ok := map[string]string{"TOKEN": "tok-12345", "EMPTY": "", "TZ": "America/Sao_Paulo"}[name]
	return v, ok
}

// parse reads text that must be valid.
func parse(t testing.TB, text string) *registry.Registry {
	t.Helper()
	r, err := registry.Parse("events.yaml", []byte(text), registry.Options{LookupEnv: env})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// mistakes reads text that must not be valid.
func mistakes(t *testing.T, text string) *registry.Errors {
	t.Helper()
	_, err := registry.Parse("events.yaml", []byte(text), registry.Options{LookupEnv: env})
	var problems *registry.Errors
	if !errors.As(err, &problems) {
		t.Fatalf("error = %v, want *registry.Errors", err)
	}
	return problems
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Error(diff)
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
