package supervisor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

func TestReload(t *testing.T) {
	changed, same := playing("email", "puppet"), playing("other", "puppet")
	changed.Config = []byte(`{"v":1}`)
	gone := playing("gone", "puppet")
	s, log := supervise(t, quick(t), changed, same, gone)
	other := ask(t, s, "other", "pid")
	ask(t, s, "email", "pid")
	oldEnds, goneEnds := lockOf(t, s, "email"), lockOf(t, s, "gone")

	changed.Config = []byte(`{"v":2}`)
	s.Reload([]Spec{changed, same, playing("new", "puppet")})
	oldEnds()
	goneEnds()
	if got := ask(t, s, "email", "config"); got != `{"v":2}` {
		t.Errorf("config = %s after the reload", got)
	}
	if ask(t, s, "other", "pid") != other {
		t.Error("a listener that has not changed was restarted")
	}
	ask(t, s, "new", "pid")
	_, err := s.Call(t.Context(), "gone", order("pid"))
	retryIn(t, err)
	if got := log.String(); strings.Contains(got, "the plugin ended") {
		t.Errorf("a replacement is taken for a crash:\n%s", got)
	}
}

// A listener whose new form cannot be started keeps the old one, until it can.
func TestReloadThatFails(t *testing.T) {
	spec := playing("email", "puppet")
	s, log := supervise(t, quick(t), spec)
	pid := ask(t, s, "email", "pid")

	worse := spec
	worse.Config = []byte(`{"refuse":"from"}`)
	s.Reload([]Spec{worse})
	log.await(t, "the one before stays")
	if ask(t, s, "email", "pid") != pid {
		t.Error("the old process does not answer")
	}

	better := spec
	better.Config = []byte(`{"v":3}`)
	ended := lockOf(t, s, "email")
	s.Reload([]Spec{better})
	ended()
	if got := ask(t, s, "email", "config"); got != `{"v":3}` {
		t.Errorf("config = %s", got)
	}
}

func TestReloadSeesAnotherBinary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plugin")
	copyFile(binary, path, 0o755)
	spec := playing("email", "puppet")
	spec.Path = path
	s, _ := supervise(t, quick(t), spec)
	pid := ask(t, s, "email", "pid")
	s.Reload([]Spec{spec})
	if ask(t, s, "email", "pid") != pid {
		t.Fatal("a reload of the same restarts the plugin")
	}
	ended := lockOf(t, s, "email")
	copyFile(binary, path+".new", 0o755)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	s.Reload([]Spec{spec})
	ended()
	if ask(t, s, "email", "pid") == pid {
		t.Error("the old binary runs on")
	}
}

// Reloads under load lose no call, and none is made twice.
func TestReloadUnderLoad(t *testing.T) {
	opt := quick(t)
	opt.StopDrain = 10 * time.Second
	spec := playing("email", "puppet")
	s, log := supervise(t, opt, spec)
	ask(t, s, "email", "pid")
	var stop atomic.Bool
	var calls atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for !stop.Load() {
				o, err := s.Call(t.Context(), "email", order("pid"))
				if err != nil || o.GetCode() != listenerv1.Outcome_CODE_DELIVERED {
					t.Errorf("call %d: %v, %v", calls.Load(), o, err)
					return
				}
				calls.Add(1)
			}
		})
	}
	for v := range 5 {
		ended := lockOf(t, s, "email")
		spec.Config = []byte(fmt.Sprintf(`{"v":%d}`, v))
		s.Reload([]Spec{spec})
		ended()
	}
	stop.Store(true)
	wg.Wait()
	if calls.Load() == 0 {
		t.Error("no calls were made")
	}
	if got := log.String(); strings.Contains(got, "WARN") || strings.Contains(got, "ERROR") {
		t.Errorf("the log complains:\n%s", got)
	}
}

// A reload while the first process is still starting ends with the new one.
func TestReloadDuringStart(t *testing.T) {
	spec := playing("email", "puppet")
	spec.Config = []byte(`{"v":1}`)
	s, _ := supervise(t, quick(t), spec)
	var wg sync.WaitGroup
	wg.Go(func() { ask(t, s, "email", "pid") })
	for v := range 4 {
		spec.Config = []byte(fmt.Sprintf(`{"v":%d}`, v))
		s.Reload([]Spec{spec})
	}
	wg.Wait()
	l, err := s.listener("email")
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for gen := -1; gen != l.gen; <-tick.C {
		l.mu.Lock()
		if l.current != nil {
			gen = l.current.gen
		}
		l.mu.Unlock()
	}
	if got := ask(t, s, "email", "config"); got != `{"v":3}` {
		t.Errorf("config = %s", got)
	}
}

// A process of an older form never takes the place of a newer one.
func TestLateStartIsNotInstalled(t *testing.T) {
	spec := playing("email", "puppet")
	s, _ := supervise(t, quick(t), spec)
	l, err := s.listener("email")
	if err != nil {
		t.Fatal(err)
	}
	old, err := s.start(t.Context(), spec, 0, l.exited)
	if err != nil {
		t.Fatal(err)
	}
	spec.Config = []byte(`{"v":1}`)
	s.Reload([]Spec{spec})
	pid := ask(t, s, "email", "pid")
	l.mu.Lock()
	err = l.install(old)
	l.mu.Unlock()
	if err != nil {
		t.Error(err)
	}
	<-old.done
	if ask(t, s, "email", "pid") != pid {
		t.Error("the older one answers")
	}
}

// A plugin that keeps ending is left alone, costs no calls meanwhile, and gets
// one delivery to prove itself.
func TestBreaker(t *testing.T) {
	opt := quick(t)
	opt.Restart.Crashes = 2
	opt.Restart.Pause = time.Hour
	s, _ := supervise(t, opt, playing("email", "puppet"), playing("other", "puppet"))
	for range 3 {
		persist(t, s, "email", "pid")
		_, err := s.Call(t.Context(), "email", order("exit", "1"))
		exitedText(t, err)
	}
	awaitHeld(t, s, "email", 30*time.Minute)
	_, err := s.Call(t.Context(), "email", order("pid"))
	if wait := retryIn(t, err); wait < 30*time.Minute {
		t.Errorf("RetryIn = %s after three crashes, want the pause", wait)
	}
	ask(t, s, "other", "pid")

	l, err := s.listener("email")
	if err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	l.breaker.until = time.Time{} // the pause is over
	l.mu.Unlock()
	path := filepath.Join(t.TempDir(), "began")
	var wg sync.WaitGroup
	wg.Go(func() { ask(t, s, "email", "slow", path) })
	awaitFile(t, path)
	_, err = s.Call(t.Context(), "email", order("pid"))
	retryIn(t, err) // a second delivery is not risked
	wg.Wait()
	ask(t, s, "email", "pid")
	if l.breaker.opened {
		t.Error("an answer does not close the breaker")
	}
}

// awaitHeld returns once a listener is to be left alone for at least wait.
func awaitHeld(t testing.TB, s *Supervisor, listener string, wait time.Duration) {
	t.Helper()
	l, err := s.listener(listener)
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		l.mu.Lock()
		held := time.Until(l.breaker.until)
		l.mu.Unlock()
		if held > wait {
			return
		}
		<-tick.C
	}
}

func TestBreakerCounts(t *testing.T) {
	boom := errors.New("boom")
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	b := breaker{Restart: Restart{}.withDefaults(), random: func() float64 { return 0.5 }}
	check := func(what string, want time.Duration) {
		t.Helper()
		if got, _ := b.refuses(now); got != want {
			t.Errorf("%s: left alone for %s, want %s", what, got, want)
		}
	}
	check("new", 0)
	for i, want := range []time.Duration{750, 1500, 3000, 6000, 12000} { // three quarters of 1 s, 2 s, …
		b.failed(now, boom)
		check(fmt.Sprint("failure ", i+1), want*time.Millisecond)
	}
	b.failed(now, boom)
	check("sixth within ten minutes", 5*time.Minute)
	now = now.Add(5 * time.Minute)
	check("pause over", 0)
	b.failed(now, boom)
	check("failed on trial", 5*time.Minute)
	now = now.Add(time.Hour)
	b.failed(now, boom)
	check("failed on trial, and not lately", 5*time.Minute)
	b.reset()
	check("reset", 0)

	b.failed(now, boom)
	now = now.Add(11 * time.Minute)
	for range 5 {
		b.failed(now, boom)
	}
	check("five within ten minutes, and an old one", 24*time.Second)
	for range 30 {
		now = now.Add(11 * time.Minute)
		b.failed(now, boom)
	}
	check("many, and rare", 45*time.Second) // never above Max
}
