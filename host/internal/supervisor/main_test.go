package supervisor

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// roleVar makes the test binary play a plugin, or a host; see roles_test.go.
const roleVar = "EARSHOT_TEST_ROLE"

// binary is a copy of the test binary that only its owner can write to,
// whatever the umask was that the original was built with.
var binary = filepath.Join(os.TempDir(), "earshot-test-"+time.Now().Format("150405.000000"), prefix+"puppet")

func TestMain(m *testing.M) {
	if role, ok := roles[os.Getenv(roleVar)]; ok {
		role()
		return
	}
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	copyFile(self, binary, 0o755)
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(filepath.Dir(binary))
		os.Exit(code)
	}))
}

func copyFile(from, to string, mode os.FileMode) {
	data, err := os.ReadFile(from)
	if err != nil {
		panic(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		panic(err)
	}
	if err := os.WriteFile(to, data, mode); err != nil {
		panic(err)
	}
	if err := os.Chmod(to, mode); err != nil {
		panic(err)
	}
}

// logs is what a supervisor logged.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// await returns once the log has text.
func (l *logs) await(t *testing.T, text string) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(l.String(), text) {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("the log never had %q:\n%s", text, l)
		}
	}
}

// shortDir is a folder whose path leaves room for sockets, unlike t.TempDir's.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "es") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// quick are options with waits that a test can sit out.
func quick(t testing.TB) Options {
	return Options{
		RunDir: shortDir(t), HostVersion: "9.8.7", StopDrain: 300 * time.Millisecond,
		Restart: Restart{First: 4 * time.Millisecond, Max: 20 * time.Millisecond, Pause: 50 * time.Millisecond},
	}
}

// supervise returns a supervisor of specs that is closed with the test, and its log.
func supervise(t testing.TB, opt Options, specs ...Spec) (*Supervisor, *logs) {
	t.Helper()
	l := &logs{}
	var out io.Writer = l
	opt.Logger = hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: out})
	s, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	s.Reload(specs)
	return s, l
}

// playing is the spec of a listener whose plugin plays role.
func playing(name, role string) Spec {
	return Spec{Listener: name, Path: binary, Env: map[string]string{roleVar: role}}
}

// order tells a puppet what to do; see puppet.
func order(words ...string) *listenerv1.Delivery {
	return &listenerv1.Delivery{
		IdempotencyKey: "ev1.test", EventId: 1, EventName: words[0],
		Payload: []byte(strings.Join(words[1:], " ")), Attempt: 1, MaxAttempts: 3,
	}
}

// ask makes a call that must be answered, and returns what the puppet said.
func ask(t testing.TB, s *Supervisor, listener string, words ...string) string {
	t.Helper()
	o, err := s.Call(t.Context(), listener, order(words...))
	if err != nil {
		t.Fatalf("%v: %v", words, err)
	}
	if o.GetCode() != listenerv1.Outcome_CODE_DELIVERED {
		t.Fatalf("%v: answer %v", words, o)
	}
	return o.GetExternalId()
}

// persist calls until the listener can be called again.
func persist(t testing.TB, s *Supervisor, listener string, words ...string) string {
	t.Helper()
	for {
		o, err := s.Call(t.Context(), listener, order(words...))
		if err == nil {
			return o.GetExternalId()
		}
		wait := retryIn(t, err)
		select {
		case <-time.After(wait):
		case <-t.Context().Done():
			t.Fatal(err)
		}
	}
}
