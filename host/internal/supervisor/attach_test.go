package supervisor

import (
	"bufio"
	"context"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// debugged starts a plugin as somebody with a debugger does, and returns the
// value of AttachVariable that it printed.
func debugged(t *testing.T, listener string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(binary, "debug", "-listener", listener)
	cmd.Env = append(cmd.Environ(), roleVar+"=puppet")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	value, ok := strings.CutPrefix(strings.TrimSpace(line), AttachVariable+"='")
	if !ok {
		t.Fatalf("it printed %q", line)
	}
	return cmd, strings.TrimSuffix(value, "'")
}

func TestAttach(t *testing.T) {
	cmd, value := debugged(t, "email")
	pid := strconv.Itoa(cmd.Process.Pid)
	opt := quick(t)
	opt.Attach = value
	// One host after the other uses it, and leaves it running.
	for range 2 {
		s, l := supervise(t, opt, playing("email", "puppet"), playing("log", "puppet"))
		if got := ask(t, s, "email", "pid"); got != pid {
			t.Errorf("email is process %s, want %s", got, pid)
		}
		if got := ask(t, s, "log", "pid"); got == pid {
			t.Error("log is the process that was attached for email")
		}
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		l.await(t, "its calls have no deadline")
	}
	if !lives(cmd.Process.Pid) {
		t.Error("the process was ended")
	}
}

// Somebody who steps through a handler stops the process: no bound of ours may
// take that for a plugin that hangs.
func TestAttachHasNoDeadline(t *testing.T) {
	cmd, value := debugged(t, "email")
	opt := quick(t)
	opt.Attach, opt.StartTimeout = value, 20*time.Millisecond
	s, _ := supervise(t, opt, playing("email", "puppet"))
	for _, what := range []string{"start", "call"} {
		if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		answer := make(chan error, 1)
		go func() {
			_, err := s.Call(t.Context(), "email", order("pid"))
			answer <- err
		}()
		select {
		case err := <-answer:
			t.Errorf("%s of a stopped process ended: %v", what, err)
		case <-time.After(10 * opt.StartTimeout):
		}
		if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		if err := <-answer; err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestAttachedProcessEnds(t *testing.T) {
	cmd, value := debugged(t, "email")
	opt := quick(t)
	opt.Attach = value
	s, l := supervise(t, opt, playing("email", "puppet"))
	ask(t, s, "email", "pid")
	// Reloads neither look for another binary nor start one.
	s.Reload([]Spec{playing("email", "puppet")})
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	l.await(t, "the plugin ended")
	_, err := s.Call(t.Context(), "email", order("pid"))
	for i := 0; err != nil && !strings.Contains(err.Error(), AttachVariable) && i < 1000; i++ {
		<-time.After(retryIn(t, err))
		_, err = s.Call(t.Context(), "email", order("pid"))
	}
	if err == nil || !strings.Contains(err.Error(), "it has ended; start it again and give the host its new line") {
		t.Errorf("%v, want what to do", err)
	}
}

func TestAttachRefuses(t *testing.T) {
	tests := []struct{ value, says string }{
		{"yes", "it is the line that a plugin prints"},
		{`{"listener": "email", "network": "udp", "address": "x"}`, "neither unix nor tcp"},
		{`{"listener": "email", "network": "unix", "address": "/x", "version": 7}`, "speaks protocol 7"},
	}
	for _, tt := range tests {
		opt := quick(t)
		opt.Attach = tt.value
		if _, err := New(opt); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", tt.value, err, tt.says)
		}
	}
}
