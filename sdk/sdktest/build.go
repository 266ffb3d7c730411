package sdktest

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// Build builds the Go package in dir, which may be ".", and returns the path of
// the binary.
func Build(t testing.TB, dir string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "earshot-listener-test")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", dir, err, out)
	}
	return path
}
