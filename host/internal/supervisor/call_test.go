package supervisor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

func retryIn(t testing.TB, err error) time.Duration {
	t.Helper()
	var u interface{ RetryIn() time.Duration }
	if !errors.As(err, &u) {
		t.Fatalf("error %v, want one that says when to try again", err)
	}
	if u.RetryIn() <= 0 {
		t.Fatalf("RetryIn = %s of %v, want a wait", u.RetryIn(), err)
	}
	return u.RetryIn()
}

func exitedText(t testing.TB, err error) string {
	t.Helper()
	var e interface{ Exited() bool }
	if !errors.As(err, &e) || !e.Exited() {
		t.Fatalf("error %v, want one that says the process ended", err)
	}
	return err.Error()
}

func TestNoCallNoProcess(t *testing.T) {
	s, log := supervise(t, quick(t), playing("email", "puppet"), playing("whatsapp", "quits"))
	s.Reload([]Spec{playing("email", "puppet")})
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := log.String(); got != "" {
		t.Errorf("something was started without a call:\n%s", got)
	}
}

func TestCallersShareOneProcess(t *testing.T) {
	s, log := supervise(t, quick(t), playing("email", "puppet"))
	var wg sync.WaitGroup
	pids := make([]string, 20)
	for i := range pids {
		wg.Go(func() { pids[i] = ask(t, s, "email", "pid") })
	}
	wg.Wait()
	for _, pid := range pids {
		if pid != pids[0] {
			t.Errorf("calls went to processes %s and %s", pids[0], pid)
		}
	}
	if n := strings.Count(log.String(), "plugin started"); n != 1 {
		t.Errorf("started %d processes, want 1", n)
	}
}

func TestTwoListenersFromOneBinary(t *testing.T) {
	a, b := playing("email", "puppet"), playing("staff", "puppet")
	a.Config, b.Config = []byte(`{"to":"client"}`), []byte(`{"to":"staff"}`)
	s, _ := supervise(t, quick(t), a, b)
	if got := ask(t, s, "email", "config"); got != `{"to":"client"}` {
		t.Errorf("config of email = %s", got)
	}
	if got := ask(t, s, "staff", "config"); got != `{"to":"staff"}` {
		t.Errorf("config of staff = %s", got)
	}
	if ask(t, s, "email", "pid") == ask(t, s, "staff", "pid") {
		t.Error("two listeners share a process")
	}
}

func TestProcessEndsDuringCall(t *testing.T) {
	tests := []struct {
		name  string
		order []string
		want  string
	}{
		{"exit", []string{"exit", "3"}, "exit code 3"},
		{"killed", []string{"signal", "9"}, "killed by signal 9 (often out of memory)"},
		{"abort", []string{"signal", "6"}, "SIGABRT: abort"},
		{"a child holds the wire", []string{"heir"}, "exit code 6"},
		{"panic in a goroutine", []string{"gopanic", "boom"}, `it said "panic: boom"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := supervise(t, quick(t), playing("email", "puppet"), playing("other", "puppet"))
			other := ask(t, s, "other", "pid")
			first := ask(t, s, "email", "pid")
			_, err := s.Call(t.Context(), "email", order(tt.order...))
			if got := exitedText(t, err); !strings.Contains(got, tt.want) {
				t.Errorf("error %q, want %q in it", got, tt.want)
			}
			if again := persist(t, s, "email", "pid"); again == first {
				t.Error("the process that ended answers")
			}
			if ask(t, s, "other", "pid") != other {
				t.Error("the neighbour was restarted")
			}
		})
	}
}

func TestAllCallsInFlightAreLost(t *testing.T) {
	s, _ := supervise(t, quick(t), playing("email", "puppet"))
	ask(t, s, "email", "pid")
	const n = 8
	errs := make(chan error, n)
	dir := t.TempDir()
	for i := range n {
		path := filepath.Join(dir, string(rune('a'+i)))
		go func() {
			_, err := s.Call(t.Context(), "email", order("wait", path))
			errs <- err
		}()
		awaitFile(t, path)
	}
	_, err := s.Call(t.Context(), "email", order("exit", "1"))
	exitedText(t, err)
	// Those that come after it were not in it, however soon they come.
	for range 20 {
		if _, err := s.Call(t.Context(), "email", order("pid")); err != nil {
			retryIn(t, err)
		}
	}
	for range n {
		exitedText(t, <-errs)
	}
}

// The process has ended and the listener has not heard of it: nothing is sent.
func TestCallAfterTheEnd(t *testing.T) {
	s, _ := supervise(t, quick(t), playing("email", "puppet"))
	l, err := s.listener("email")
	if err != nil {
		t.Fatal(err)
	}
	g, err := s.start(t.Context(), l.spec, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.current = g
	g.proc.signal(syscall.SIGKILL)
	<-g.done
	_, err = s.Call(t.Context(), "email", order("pid"))
	retryIn(t, err)
}

// What could not be sent is no attempt: the plugin has seen nothing of it.
func TestCallThatWasNotSent(t *testing.T) {
	s, _ := supervise(t, quick(t), playing("email", "puppet"))
	ask(t, s, "email", "pid")
	_, _ = s.Call(t.Context(), "email", order("cut"))
	_, err := s.Call(t.Context(), "email", order("pid"))
	retryIn(t, err)
}

func TestPanicInHandlerIsAnAnswer(t *testing.T) {
	s, _ := supervise(t, quick(t), playing("email", "puppet"))
	pid := ask(t, s, "email", "pid")
	o, err := s.Call(t.Context(), "email", order("panic", "boom"))
	if err != nil || o.GetCode() != listenerv1.Outcome_CODE_RETRY {
		t.Errorf("Call = %v, %v, want a retry", o, err)
	}
	if ask(t, s, "email", "pid") != pid {
		t.Error("the process was restarted")
	}
}

func TestDeadlineAndCancel(t *testing.T) {
	for _, deed := range []string{"wait", "deaf"} {
		t.Run(deed, func(t *testing.T) {
			s, _ := supervise(t, quick(t), playing("email", "puppet"))
			pid := ask(t, s, "email", "pid")

			path := filepath.Join(t.TempDir(), "began")
			ctx, cancel := context.WithCancel(t.Context())
			go func() { awaitFile(t, path); cancel() }()
			if _, err := s.Call(ctx, "email", order(deed, path)); !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled call: error %v", err)
			}
			ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			o, err := s.Call(ctx, "email", order(deed))
			if err == nil && o.GetCode() != listenerv1.Outcome_CODE_RETRY || err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("call out of time: %v, %v", o, err)
			}
			if ask(t, s, "email", "pid") != pid {
				t.Error("the process was restarted")
			}
		})
	}
}

func TestCallerGivesUpDuringStart(t *testing.T) {
	s, _ := supervise(t, quick(t), playing("email", "mute"))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := s.Call(ctx, "email", order("pid"))
	retryIn(t, err) // nothing was sent: no attempt
}

func TestLargePayload(t *testing.T) {
	s, _ := supervise(t, quick(t), playing("email", "puppet"), playing("bare", "bare"))
	payload := func(size int) *listenerv1.Delivery {
		d := order("size")
		d.Payload = make([]byte, size)
		return d
	}
	o, err := s.Call(t.Context(), "email", payload(5<<20))
	if err != nil || o.GetExternalId() != "5242880" {
		t.Errorf("5 MiB: %v, %v", o.GetExternalId(), err)
	}
	for listener, size := range map[string]int{"email": 17 << 20, "bare": 5 << 20} {
		_, err := s.Call(t.Context(), listener, payload(size))
		var large *TooLargeError
		if !errors.As(err, &large) || !large.TooLarge() {
			t.Errorf("%s with %d bytes: %v, want too large", listener, size, err)
		}
	}
	ask(t, s, "email", "pid")
	ask(t, s, "bare", "pid")
}

func TestAnswerOfALaterTime(t *testing.T) {
	s, _ := supervise(t, quick(t), playing("bare", "bare"))
	o, err := s.Call(t.Context(), "bare", order("future"))
	if err != nil {
		t.Fatal(err)
	}
	if o.GetCode() != 99 || len(o.ProtoReflect().GetUnknown()) == 0 {
		t.Errorf("answer %v", o)
	}
}

// A plugin that is there and does not answer twice in a row is started anew.
func TestUnreachableTwiceIsRestarted(t *testing.T) {
	s, log := supervise(t, quick(t), playing("email", "puppet"))
	first := ask(t, s, "email", "pid")
	for _, deed := range []string{"cut", "pid"} {
		o, err := s.Call(t.Context(), "email", order(deed))
		if err == nil {
			t.Fatalf("%s: a call without a wire was answered: %v", deed, o)
		}
		if errors.As(err, new(*ExitedError)) {
			t.Fatalf("%s: %v, but the process lives", deed, err)
		}
	}
	log.await(t, "cannot be reached")
	if second := persist(t, s, "email", "pid"); second == first {
		t.Error("the process was not restarted")
	}
}

// A plugin that stands still is started anew; one that is only late is not.
func TestFrozenIsRestarted(t *testing.T) {
	opt := quick(t)
	opt.StartTimeout = 2 * time.Second
	s, log := supervise(t, opt, playing("email", "puppet"))
	first := ask(t, s, "email", "pid")
	l, err := s.listener("email")
	if err != nil {
		t.Fatal(err)
	}
	l.late(l.current) // as after a call without an answer
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for asked := true; asked; <-tick.C {
		l.mu.Lock()
		asked = l.current != nil && l.current.asked
		l.mu.Unlock()
	}
	if ask(t, s, "email", "pid") != first {
		t.Error("a process that hears is restarted")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, _ = s.Call(ctx, "email", order("signal", "19"))
	log.await(t, "hears nothing")
	if persist(t, s, "email", "pid") == first {
		t.Error("the frozen process answers")
	}
}

// Processes that come and go leave nothing open.
func TestNoDescriptorIsLost(t *testing.T) {
	s, _ := supervise(t, quick(t), playing("email", "puppet"))
	count := func() int {
		fds, err := os.ReadDir("/dev/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(fds)
	}
	before := 0
	for i := range 6 {
		persist(t, s, "email", "pid")
		_, err := s.Call(t.Context(), "email", order("exit", "1"))
		exitedText(t, err)
		s.Reload(nil)
		s.wg.Wait() // all of the process is gone
		s.Reload([]Spec{playing("email", "puppet")})
		if i == 0 {
			before = count() // pollers and the like are there now
		}
	}
	if after := count(); after != before {
		t.Errorf("%d open files before, %d after", before, after)
	}
}

func TestUnknownListener(t *testing.T) {
	s, _ := supervise(t, quick(t))
	_, err := s.Call(t.Context(), "nobody", order("pid"))
	retryIn(t, err)
}

func TestBatch(t *testing.T) {
	s, _ := supervise(t, quick(t), playing("batch", "batch"), playing("odd", "odd"), playing("email", "puppet"))
	delivery := func(key, name string) *listenerv1.Delivery {
		d := order(name)
		d.IdempotencyKey = key
		return d
	}
	got := make(map[string]listenerv1.Outcome_Code)
	note := func(key string, o *listenerv1.Outcome) { got[key] = o.GetCode() }
	_, err := s.CallBatch(t.Context(), "batch", []*listenerv1.Delivery{delivery("a", "pid"), delivery("b", "fail")}, note)
	if err != nil || got["a"] != listenerv1.Outcome_CODE_DELIVERED || got["b"] != listenerv1.Outcome_CODE_RETRY {
		t.Errorf("CallBatch: %v, %v", got, err)
	}
	clear(got)
	_, err = s.CallBatch(t.Context(), "batch", []*listenerv1.Delivery{delivery("a", "exit")}, note)
	exitedText(t, err)
	if len(got) != 0 {
		t.Errorf("answers of a plugin that ended: %v", got)
	}
	clear(got)
	n := 0
	_, err = s.CallBatch(t.Context(), "odd", []*listenerv1.Delivery{delivery("a", "pid"), delivery("b", "pid")}, func(key string, o *listenerv1.Outcome) {
		n++
		note(key, o)
	})
	if err != nil || n != 1 || got["a"] != listenerv1.Outcome_CODE_DELIVERED {
		t.Errorf("answers of an odd plugin: %v in %d, %v", got, n, err)
	}
	_, err = s.CallBatch(t.Context(), "email", []*listenerv1.Delivery{delivery("a", "pid")}, note)
	if !errors.Is(err, ErrNoBatch) {
		t.Errorf("batch to a plugin without: %v", err)
	}
}

func TestDescribeAndCheck(t *testing.T) {
	spec := playing("email", "puppet")
	spec.Secrets = []string{"tajna-lozinka"}
	s, _ := supervise(t, quick(t), spec, playing("bare", "bare"))
	about, err := s.Describe(t.Context(), "email")
	want := &listenerv1.DescribeResponse{Name: "puppet", Version: "1.2.3"}
	if err != nil || about.GetName() != want.GetName() || about.GetVersion() != want.GetVersion() {
		t.Errorf("Describe = %v, %v", about, err)
	}
	health, err := s.Check(t.Context(), "email")
	if err != nil || !proto.Equal(health, &listenerv1.CheckHealthResponse{Message: "login refused for [redacted]"}) {
		t.Errorf("Check = %v, %v", health, err)
	}
	if _, err := s.Check(t.Context(), "bare"); !errors.Is(err, ErrNoCheck) {
		t.Errorf("Check of a plugin without: %v", err)
	}
}
