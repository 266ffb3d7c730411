// Package e2e runs the product as its users do: the real binaries, a real
// database, a real mail server, and plugins in processes of their own.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
	_ "modernc.org/sqlite" // an application opens the queue without the host

	"github.com/earshot-host/earshot/sdk"
)

const pluginPrefix = "earshot-listener-"

// bin is the folder of the binaries under test; TestMain builds them once.
var bin = filepath.Join(os.TempDir(), fmt.Sprintf("earshot-e2e-%d", os.Getpid()))

func TestMain(m *testing.M) {
	// Under the name of a plugin, this binary is one: see ledger_test.go.
	if strings.HasPrefix(filepath.Base(os.Args[0]), pluginPrefix) {
		sdk.Serve(&ledger{}, sdk.Name("ledger"), sdk.Summary("writes down each call, and misbehaves as told"))
		return
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	defer os.RemoveAll(bin)
	if err := build(bin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// build lays the binaries out as `make build` does.
func build(dir string) error {
	targets := map[string]string{"earshot": "../cmd/earshot"}
	for _, p := range []string{"email", "exec", "log"} {
		targets[filepath.Join("plugins", pluginPrefix+p)] = "../../plugins/" + p
	}
	for out, pkg := range targets {
		cmd := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(dir, out), pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if msg, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", pkg, err, msg)
		}
	}
	return nil
}
