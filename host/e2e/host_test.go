package e2e

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/earshot-host/earshot/host/internal/testdb"
)

// patience is how long a test waits for what must happen before it gives up;
// no test asserts how long anything took.
const patience = 60 * time.Second

// host is a folder with configuration and plugins, and a database.
type host struct {
	t   *testing.T
	dir string
	db  *sql.DB
	// table is the queue's name.
	table string
}

// hostConfig is host.yaml; what tests need to happen soon happens soon.
const hostConfig = `database:
  driver: %s
  dsn: {file: dsn}
  queue_table: %s
events: events.yaml
run_dir: run
plugins: {dirs: [plugins]}
run: {lease: 5s, poll: 20ms, drain: 20s}
`

// newHost makes a host on db whose queue Earshot makes itself.
func newHost(t *testing.T, db testdb.DB) *host {
	h := adopt(t, db, "event_queue")
	h.mustRun("migrate", "up")
	return h
}

// adopt makes a host on db whose queue is a table of the application's.
func adopt(t *testing.T, db testdb.DB, table string) *host {
	h := &host{t: t, dir: t.TempDir(), db: db.Open(t), table: table}
	h.write("dsn", db.DSN)
	h.write("host.yaml", fmt.Sprintf(hostConfig, db.Driver, table))
	plugins := filepath.Join(h.dir, "plugins")
	if err := os.Mkdir(plugins, 0o755); err != nil {
		t.Fatal(err)
	}
	installLedger(t, plugins)
	for _, p := range []string{"email", "log"} {
		if err := os.Link(filepath.Join(bin, "plugins", pluginPrefix+p), filepath.Join(plugins, pluginPrefix+p)); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func (h *host) path(name string) string { return filepath.Join(h.dir, name) }

func (h *host) write(name, text string) {
	h.t.Helper()
	// Replaced as editors do it, so that a running host never reads half a file.
	if err := os.WriteFile(h.path(name+".new"), []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Rename(h.path(name+".new"), h.path(name)); err != nil {
		h.t.Fatal(err)
	}
}

// events writes events.yaml.
func (h *host) events(text string) { h.t.Helper(); h.write("events.yaml", "version: 1\n"+text) }

// insert puts an event in the queue as an application does, with plain SQL.
func (h *host) insert(name string, payload any) int64 {
	h.t.Helper()
	res, err := h.db.Exec("INSERT INTO "+h.table+" (event_name, payload) VALUES (?, ?)", name, payload)
	if err != nil {
		h.t.Fatalf("insert event: %v", err)
	}
	id, err := res.LastInsertId()
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

// event returns what the application sees of an event.
func (h *host) event(id int64) (status, reason string) {
	h.t.Helper()
	var why sql.NullString
	if err := h.db.QueryRow("SELECT status, error_message FROM "+h.table+" WHERE id = ?", id).Scan(&status, &why); err != nil {
		h.t.Fatalf("read event %d: %v", id, err)
	}
	return status, why.String
}

// count returns the number that a query asks for.
func (h *host) count(query string, args ...any) int {
	h.t.Helper()
	var n int
	if err := h.db.QueryRow(query, args...).Scan(&n); err != nil {
		h.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// result is what a command left behind.
type result struct {
	code           int
	stdout, stderr string
}

func (h *host) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(bin, "earshot"), args...)
	cmd.Dir = h.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + h.dir, "TMPDIR=" + os.TempDir()}
	return cmd
}

// run runs earshot to its end in the host's folder.
func (h *host) run(args ...string) result {
	h.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := h.command(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		h.t.Fatalf("earshot %s: %v", strings.Join(args, " "), err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// mustRun runs earshot and returns what it printed; it must end with 0.
func (h *host) mustRun(args ...string) string {
	h.t.Helper()
	r := h.run(args...)
	if r.code != 0 {
		h.t.Fatalf("earshot %s: exit code %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// service is a running host.
type service struct {
	h   *host
	cmd *exec.Cmd
	log *lockedBuffer
}

// start runs the host as a service. What still runs when the test ends is killed.
func (h *host) start(args ...string) *service {
	h.t.Helper()
	s := &service{h: h, cmd: h.command(append([]string{"run"}, args...)...), log: &lockedBuffer{}}
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	// A plugin that outlives its host must not keep the test waiting for the log's end.
	s.cmd.WaitDelay = patience
	if err := s.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		if s.cmd.ProcessState == nil {
			s.cmd.Process.Kill()
			s.cmd.Wait()
		}
		if h.t.Failed() {
			h.t.Logf("log of the host:\n%s", s.log)
		}
	})
	return s
}

func (s *service) signal(sig syscall.Signal) {
	s.h.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.h.t.Fatal(err)
	}
}

// wait waits for the end and returns the exit code; -1 is death by a signal.
func (s *service) wait() int {
	s.cmd.Wait()
	return s.cmd.ProcessState.ExitCode()
}

// eventually waits until ok holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain: %s", what)
		case <-tick.C:
		}
	}
}

// lockedBuffer gathers the output of a process that still runs.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

var _ io.Writer = (*lockedBuffer)(nil)

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
