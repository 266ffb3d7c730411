package supervisor

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startError calls a listener that cannot be started and returns what it says.
func startError(t testing.TB, s *Supervisor, listener string) string {
	t.Helper()
	_, err := s.Call(t.Context(), listener, order("pid"))
	retryIn(t, err)
	return err.Error()
}

func TestStartErrors(t *testing.T) {
	tests := []struct {
		role string
		want []string
	}{
		{"quits", []string{"exit code 3", "cannot open /etc/nothing", "before it said where it listens", "Run it by hand"}},
		{"chatty", []string{"exit code 0", `"Usage: chatty [file]"`, "is it an Earshot listener?"}},
		{"mute", []string{"did not say in time where it listens", "EARSHOT_LISTENER_ADDR"}},
		{"wedged", []string{"was not ready in time"}},
		{"crashes", []string{"exit code 2", "panic: no database"}},
		{"old", []string{"speaks protocol 0 and this host (9.8.7) speaks 1", "build it again"}},
		{"new", []string{"speaks protocol 99 and this host (9.8.7) speaks 1", "update this host"}},
		{"netrpc", []string{"does not say grpc"}},
		{"remote", []string{"192.0.2.1:80", "loopback"}},
	}
	for _, tt := range tests {
		t.Run(tt.role, func(t *testing.T) {
			opt := quick(t)
			if tt.role == "mute" || tt.role == "wedged" {
				opt.StartTimeout = 2 * time.Second
			}
			s, _ := supervise(t, opt, playing("email", tt.role))
			got := startError(t, s, "email")
			for _, want := range append(tt.want, binary) {
				if !strings.Contains(got, want) {
					t.Errorf("%q is not in:\n%s", want, got)
				}
			}
		})
	}
}

func TestVersionErrorIsTyped(t *testing.T) {
	s, _ := supervise(t, quick(t), playing("email", "new"))
	_, err := s.Call(t.Context(), "email", order("pid"))
	var v *VersionError
	if !errors.As(err, &v) || v.Plugin != 99 {
		t.Errorf("error %v, want a VersionError of 99", err)
	}
}

func TestProbe(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tests := []struct {
		name, path string
		want       []string
	}{
		{"missing", filepath.Join(dir, "nothing"), []string{"no such file", "install the plugin"}},
		{"true", "/bin/true", []string{"exit code 0", "is it an Earshot listener?"}},
		{"folder", dir, []string{"it is a folder"}},
		{"text", file("text", "hello\n", 0o644), []string{"not executable", "chmod +x"}},
		{"text that is executable", file("text2", "hello\n", 0o755), []string{"not a program for this machine", "#!"}},
		{"no interpreter", file("script", "#!/usr/bin/snake3 -u\n", 0o755), []string{`"/usr/bin/snake3 -u" is missing`}},
		{"other machine", otherMachine(t, dir), []string{"EM_RISCV", runtime.GOARCH, "GOARCH=" + runtime.GOARCH}},
		{"Windows", file("win", "MZ\x90\x00", 0o755), []string{"built for Windows"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			opt := quick(t)
			_, err := Probe(t.Context(), opt, tt.path)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range append(tt.want, tt.path) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in:\n%v", want, err)
				}
			}
			assertNoHosts(t, opt.RunDir)
		})
	}
	t.Run("plugin", func(t *testing.T) {
		t.Setenv(roleVar, "") // does not reach it: the binary plays nothing by itself
		about, err := Probe(t.Context(), quick(t), wrapper(t, "puppet"))
		if err != nil || about.GetName() != "puppet" || len(about.GetCapabilities()) == 0 {
			t.Errorf("Probe = %v, %v", about, err)
		}
	})
}

// wrapper is a program that plays role without an environment from its host.
func wrapper(t testing.TB, role string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), prefix+role)
	script := "#!/bin/sh\n" + roleVar + "=" + role + " exec " + binary + "\n"
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// otherMachine is this binary with another machine's number in its head.
func otherMachine(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "other")
	copyFile(binary, path, 0o755)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte{byte(elf.EM_RISCV), 0}, 18); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestChecksum(t *testing.T) {
	data, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	good, bad := playing("good", "puppet"), playing("bad", "puppet")
	good.SHA256 = hex.EncodeToString(sum[:])
	bad.SHA256 = strings.Repeat("0", 64)
	s, _ := supervise(t, quick(t), good, bad)

	first := ask(t, s, "good", "pid")
	_, err = s.Call(t.Context(), "good", order("exit", "1"))
	exitedText(t, err)
	if persist(t, s, "good", "pid") == first { // the hash is not used up
		t.Error("the process that ended answers")
	}
	got := startError(t, s, "bad")
	if !strings.Contains(got, good.SHA256) || !strings.Contains(got, bad.SHA256) {
		t.Errorf("error does not name both checksums: %s", got)
	}
}

func TestOthersMayNotChangeTheBinary(t *testing.T) {
	tests := []struct {
		name         string
		file, folder os.FileMode
		want         string // empty: it starts
	}{
		{"own", 0o755, 0o755, ""},
		{"group may write the file", 0o775, 0o755, "chmod go-w"},
		{"all may write the file", 0o757, 0o755, "chmod go-w"},
		{"group may write the folder", 0o755, 0o775, "another file in its place"},
		{"all may write the folder", 0o755, 0o777, "another file in its place"},
		{"a folder like /tmp", 0o755, 0o777 | os.ModeSticky, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "plugin")
			if err := os.Link(binary, path); err != nil {
				t.Fatal(err)
			}
			for target, mode := range map[string]os.FileMode{path: tt.file, dir: tt.folder} {
				if err := os.Chmod(target, mode); err != nil {
					t.Fatal(err)
				}
			}
			defer os.Chmod(binary, 0o755) // it is the same file
			err := checkBinary(path, "")
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("EARSHOT_DATABASE_DSN", "root:secret@/shop")
	t.Setenv("LC_TIME", "pt_BR.UTF-8")
	t.Setenv("LANG", "C")
	spec := playing("email", "puppet")
	spec.Env["LANG"] = "hr_HR.UTF-8"
	spec.Env["EXTRA"] = "x"
	s, _ := supervise(t, quick(t), spec)
	for name, want := range map[string]string{
		"EARSHOT_DATABASE_DSN": "", "LC_TIME": "pt_BR.UTF-8", "LANG": "hr_HR.UTF-8", "EXTRA": "x", "PATH": os.Getenv("PATH"),
	} {
		if got := ask(t, s, "email", "env", name); got != want {
			t.Errorf("%s = %q in the plugin, want %q", name, got, want)
		}
	}
}

func TestConfigRefused(t *testing.T) {
	opt := quick(t)
	opt.Restart.Max = time.Hour // a refused config is not tried again soon
	spec := playing("email", "puppet")
	spec.Config = []byte(`{"refuse":"smtp.port"}`)
	spec.Secrets = []string{"tajna-lozinka"}
	s, log := supervise(t, opt, spec)
	got := startError(t, s, "email")
	if want := "listeners.email.config.smtp.port: is not a port: [redacted]"; !strings.Contains(got, want) {
		t.Errorf("error %q, want %q in it", got, want)
	}
	for range 3 {
		startError(t, s, "email")
	}
	if strings.Contains(log.String(), "started") {
		t.Errorf("it was taken for started:\n%s", log)
	}
	l, err := s.listener("email")
	if err != nil {
		t.Fatal(err)
	}
	if len(l.breaker.crashes) != 0 {
		t.Error("a refused config counts as a crash")
	}
	// What was refused is mended by a new config, at once.
	spec.Config = []byte(`{}`)
	s.Reload([]Spec{spec})
	ask(t, s, "email", "pid")
}

func TestConfigureThatHangs(t *testing.T) {
	opt := quick(t)
	opt.StartTimeout = 500 * time.Millisecond
	spec := playing("email", "puppet")
	spec.Config = []byte(`{"hang":"x"}`)
	s, _ := supervise(t, opt, spec)
	if got := startError(t, s, "email"); !strings.Contains(got, "Configure must not wait") {
		t.Error(got)
	}
}

// A start that fails is not tried again before its time, by nobody.
func TestStartIsNotRepeatedAtOnce(t *testing.T) {
	opt := quick(t)
	opt.Restart = Restart{First: time.Hour, Max: time.Hour}
	s, _ := supervise(t, opt, playing("email", "quits"))
	first := startError(t, s, "email")
	if second := startError(t, s, "email"); second != first {
		t.Errorf("the second call says %q, want %q", second, first)
	}
	l, err := s.listener("email")
	if err != nil {
		t.Fatal(err)
	}
	if len(l.breaker.crashes) != 1 {
		t.Errorf("started %d times, want once", len(l.breaker.crashes))
	}
}

// A file that is still open for writing somewhere cannot be run; that passes.
func TestBinaryThatIsBeingWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plugin")
	copyFile(binary, path, 0o755)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	spec := playing("email", "puppet")
	spec.Path = path
	opt := quick(t)
	opt.Restart = Restart{First: time.Hour} // a second start does not count
	if runtime.GOOS == "linux" {
		s, _ := supervise(t, opt, spec)
		_, err = s.Call(t.Context(), "email", order("pid"))
		if !errors.Is(err, syscall.ETXTBSY) {
			t.Errorf("error %v, want ETXTBSY", err)
		}
	}
	s, _ := supervise(t, opt, spec)
	timer := time.AfterFunc(20*time.Millisecond, func() { _ = f.Close() })
	defer timer.Stop()
	ask(t, s, "email", "pid")
}
