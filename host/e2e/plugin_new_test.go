package e2e

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPluginNew takes each project from nothing to a plugin that passes the
// host's checks, as its README says.
func TestPluginNew(t *testing.T) {
	root := abs(t, "../..")
	tests := []struct {
		lang  string
		needs string
		args  []string
		steps []string
	}{
		{"go", "go", []string{"--sdk", root}, []string{"make build", "make test", "make run", "make check", "test -z \"$(gofmt -l .)\"", "go mod tidy -diff"}},
		{"node", "npm", nil, []string{"make build", "make test", "make check"}},
		{"exec", "php", nil, []string{"make build", "make test", "make check"}},
	}
	for _, tt := range tests {
		t.Run(tt.lang, func(t *testing.T) {
			if _, err := exec.LookPath(tt.needs); err != nil {
				t.Fatalf("%s is missing: .ci/install-test-programs installs it", tt.needs)
			}
			dir := filepath.Join(t.TempDir(), "greeter")
			sh(t, filepath.Dir(dir), nil, "earshot plugin new greeter --lang "+tt.lang+" "+strings.Join(tt.args, " "))
			for _, step := range tt.steps {
				out := sh(t, dir, nil, step)
				if step == "make check" {
					allPass(t, out)
				}
			}
		})
	}
}

// allPass looks into the table of earshot plugin test.
func allPass(t *testing.T, out string) {
	t.Helper()
	checks := 0
	for line := range strings.Lines(out) {
		if strings.Contains(line, "  yes  ") {
			checks++
		}
	}
	if checks < 15 {
		t.Errorf("%d checks passed, want at least 15:\n%s", checks, out)
	}
	if !strings.Contains(out, "CODE_DELIVERED") {
		t.Errorf("the recorded event was not delivered:\n%s", out)
	}
}

// TestPluginNewAgainstARelease resolves the SDK as a module that somebody
// published: a proxy in a folder has it, the cache of this machine all else.
func TestPluginNewAgainstARelease(t *testing.T) {
	const version = "v0.3.1"
	home := t.TempDir()
	earshot := filepath.Join(home, "earshot")
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-X main.version="+version, "-o", earshot, "../cmd/earshot")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	proxy := filepath.Join(home, "proxy")
	publish(t, abs(t, "../.."), proxy, version)
	cached := strings.TrimSpace(sh(t, home, nil, "go env GOMODCACHE"))
	more := strings.TrimSpace(sh(t, home, nil, "go env GOPROXY"))
	env := []string{
		"GOMODCACHE=" + filepath.Join(home, "mod"), "GOFLAGS=-modcacherw", "GONOSUMDB=*", "GOSUMDB=off",
		"GOPROXY=file://" + proxy + ",file://" + filepath.Join(cached, "cache/download") + "," + more,
	}
	sh(t, home, env, "./earshot plugin new greeter")
	dir := filepath.Join(home, "greeter")
	sh(t, dir, env, "make go.sum")
	if got := sh(t, dir, env, "go list -m github.com/earshot-host/earshot"); got != "github.com/earshot-host/earshot "+version+"\n" {
		t.Errorf("it builds against %s, want %s", got, version)
	}
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mod), "replace") {
		t.Errorf("go.mod replaces a module that is published:\n%s", mod)
	}
	// Every import is found; TestPluginNew compiles the same code.
	sh(t, dir, env, "go list -deps -test ./... >/dev/null")
	sum, err := os.ReadFile(filepath.Join(dir, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	for _, module := range []string{"gorm.io", "sqlite", "go-sql-driver"} {
		if strings.Contains(string(sum), module) {
			t.Errorf("go.sum holds %s: a listener needs no database", module)
		}
	}
}

// publish lays this tree out as a module proxy does.
func publish(t *testing.T, root, proxy, version string) {
	t.Helper()
	const module = "github.com/earshot-host/earshot"
	dir := filepath.Join(proxy, module, "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	info := fmt.Sprintf(`{"Version": %q, "Time": "2026-01-01T00:00:00Z"}`, version)
	for name, data := range map[string]string{"list": version + "\n", version + ".info": info, version + ".mod": string(mod)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Create(filepath.Join(dir, version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	// What a listener may import, and go.mod: the rest weighs and is not needed.
	for _, name := range strings.Fields(sh(t, root, nil, "echo go.mod; find sdk -type f -not -path '*/testdata/*'")) {
		w, err := z.Create(module + "@" + version + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		src, err := os.Open(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(w, src)
		src.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}

// sh runs a line of shell with the binaries under test in PATH.
func sh(t *testing.T, dir string, env []string, line string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", line)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "EARSHOT_PLUGINS_DIRS="+filepath.Join(bin, "plugins"), "GOWORK=off")
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

func abs(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
