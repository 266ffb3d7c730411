package supervisor

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// lockOf has a puppet take a lock that its end releases, and returns a
// function that blocks until then.
func lockOf(t testing.TB, s *Supervisor, listener string) func() {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lock")
	ask(t, s, listener, "lock", path)
	return func() { untilFree(t, path) }
}

func untilFree(t testing.TB, path string) {
	t.Helper()
	f, err := lockFile(path, os.O_CREATE, syscall.LOCK_EX)
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
}

func assertNoHosts(t testing.TB, runDir string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(runDir, "h*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left in the run folder: %v, %v", left, err)
	}
}

// closing closes a supervisor under a bound that only a hang reaches.
func closing(t testing.TB, s *Supervisor) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
	if ctx.Err() != nil {
		t.Error("Close waited for its context to end")
	}
}

func TestClose(t *testing.T) {
	opt := quick(t)
	s, log := supervise(t, opt, playing("email", "puppet"), playing("other", "puppet"))
	free, freed := lockOf(t, s, "email"), lockOf(t, s, "other")
	closing(t, s)
	free()
	freed()
	assertNoHosts(t, opt.RunDir)
	if strings.Contains(log.String(), "the plugin ended") {
		t.Errorf("a stop is taken for a crash:\n%s", log)
	}
	_, err := s.Call(t.Context(), "email", order("pid"))
	retryIn(t, err)
	closing(t, s) // again does nothing
}

// Calls in flight end, and are answered, before the process does.
func TestCloseDrains(t *testing.T) {
	opt := quick(t)
	opt.StopDrain = 10 * time.Second
	s, _ := supervise(t, opt, playing("email", "puppet"))
	path := filepath.Join(t.TempDir(), "began")
	answer := make(chan string)
	go func() { answer <- ask(t, s, "email", "slow", path) }()
	awaitFile(t, path)
	closed := make(chan struct{})
	go func() { closing(t, s); close(closed) }()
	if got := <-answer; got != "done" {
		t.Errorf("the call in flight says %q", got)
	}
	<-closed
}

func TestCloseOfPluginsThatDoNotLeave(t *testing.T) {
	tests := []struct {
		name, role string
		order      []string
	}{
		{"handler that hears nothing", "puppet", []string{"deaf"}},
		{"stopped by a signal", "puppet", []string{"signal", "19"}},
		{"child with our pipes", "puppet", []string{"child", filepath.Join(t.TempDir(), "child")}},
		{"child with our pipes in a session of its own", "puppet", []string{"daemon", filepath.Join(t.TempDir(), "daemon")}},
		{"no controller", "bare", []string{"pid"}},
		{"no handshake", "simple", []string{"pid"}},
		{"ends by SIGKILL only", "stubborn", []string{"pid"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			opt := quick(t)
			s, _ := supervise(t, opt, playing("email", tt.role))
			pid := ask(t, s, "email", "pid")
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			answer, _ := s.Call(ctx, "email", order(tt.order...))
			if tt.order[0] == "daemon" {
				defer func() { _ = exec.Command("kill", "-9", answer.GetExternalId()).Run() }()
			}
			closing(t, s)
			if tt.order[0] == "child" {
				untilFree(t, tt.order[1]) // it goes with its parent
			}
			if err := exec.Command("kill", "-0", pid).Run(); err == nil {
				t.Errorf("process %s is still there", pid)
			}
			assertNoHosts(t, opt.RunDir)
		})
	}
}

func TestCloseGivesUpAStart(t *testing.T) {
	s, _ := supervise(t, quick(t), playing("email", "mute"))
	failed := make(chan error)
	go func() {
		_, err := s.Call(t.Context(), "email", order("pid"))
		failed <- err
	}()
	l, err := s.listener("email")
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for starting := false; !starting; <-tick.C {
		l.mu.Lock()
		starting = l.starting != nil
		l.mu.Unlock()
	}
	closing(t, s)
	retryIn(t, <-failed)
}

// The end of Close's context goes straight to the kill.
func TestCloseInAHurry(t *testing.T) {
	opt := quick(t)
	opt.StopDrain = time.Hour
	s, _ := supervise(t, opt, playing("email", "puppet"))
	free := lockOf(t, s, "email")
	path := filepath.Join(t.TempDir(), "began")
	failed := make(chan error)
	go func() {
		_, err := s.Call(t.Context(), "email", order("deaf", path))
		failed <- err
	}()
	awaitFile(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
	// The outcome is unknown, and the plugin not to blame.
	if err := <-failed; err == nil || errors.As(err, new(*ExitedError)) || errors.As(err, new(*UnavailableError)) {
		t.Errorf("the call in flight says %v", err)
	}
	free()
}

// A host that is killed takes its plugins with it, and its folder is swept by
// the next one; a host that lives keeps its own.
func TestHostIsKilled(t *testing.T) {
	run, lock := shortDir(t), filepath.Join(t.TempDir(), "lock")
	host := exec.Command(binary)
	host.Env = append(os.Environ(), roleVar+"=host", "EARSHOT_TEST_RUN="+run, "EARSHOT_TEST_BINARY="+binary, "EARSHOT_TEST_LOCK="+lock)
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	living, err := newRunDir(run)
	if err != nil {
		t.Fatal(err)
	}
	if n := hosts(t, run); n != 2 {
		t.Fatalf("%d hosts in the run folder, want 2", n)
	}
	_ = host.Process.Kill()
	_ = host.Wait()
	untilFree(t, lock)
	next, err := newRunDir(run)
	if err != nil {
		t.Fatal(err)
	}
	if n := hosts(t, run); n != 2 {
		t.Errorf("%d hosts in the run folder, want the two that live", n)
	}
	for _, d := range []*runDir{living, next} {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	}
	assertNoHosts(t, run)
}

func hosts(t testing.TB, run string) int {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(run, "h*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(dirs)
}

// A kill that comes before the process is not lost.
func TestKillBeforeStart(t *testing.T) {
	opt := quick(t)
	opt.StartTimeout = time.Hour // nothing else ends it
	s, _ := supervise(t, opt)
	g, err := s.prepare(t.Context(), playing("email", "mute"), 0)
	if err != nil {
		t.Fatal(err)
	}
	g.proc.signal(syscall.SIGKILL)
	if err := g.connect(t.Context()); err == nil {
		t.Error("a process that was killed is ready")
	}
	g.bury()
}
