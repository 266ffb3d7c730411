// Package mariadb starts MariaDB servers of our own, alone or as a Galera
// cluster, that can be killed, frozen and started again.
package mariadb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Server is one mariadbd. Its methods may be called by several goroutines.
type Server struct {
	dir  string
	data string
	port int
	args []string
	env  []string
	node bool

	mu  sync.Mutex
	cmd *exec.Cmd
	// exited is closed when cmd has ended.
	exited chan struct{}
}

// Options of a server. Zero values are the defaults.
type Options struct {
	// Data is where the tables are kept; empty is a folder in the server's own.
	Data string
	// CopyOf is a server that does not run, to begin with its data; nil begins empty.
	CopyOf *Server
	// Args are added to the command line, Env to the environment.
	Args, Env []string
	// Node makes it a node of a cluster.
	Node bool
}

// New makes a server's data folder in dir. It does not start it.
func New(ctx context.Context, dir string, opt Options) (*Server, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	if opt.Data == "" {
		opt.Data = filepath.Join(dir, "data")
	}
	s := &Server{dir: dir, data: opt.Data, port: port, args: opt.Args, env: opt.Env, node: opt.Node}
	// A server that starts clears its folder for temporary tables: it must not
	// be the one that another server is using.
	if err := os.MkdirAll(s.tmp(), 0o700); err != nil {
		return nil, err
	}
	if opt.CopyOf != nil {
		if err := os.CopyFS(s.data, os.DirFS(opt.CopyOf.data)); err != nil {
			return nil, fmt.Errorf("copy a MariaDB data folder: %w", err)
		}
		return s, s.own()
	}
	if err := s.own(); err != nil {
		return nil, err
	}
	args := append([]string{"--no-defaults", "--datadir=" + s.data, "--tmpdir=" + s.tmp(), "--auth-root-authentication-method=normal", "--skip-test-db"}, s.user()...)
	if out, err := exec.CommandContext(ctx, "mariadb-install-db", args...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make a MariaDB data folder (is mariadb-server installed?): %w\n%s", err, out)
	}
	return s, nil
}

// user is whom the server runs as when it is started by root. The programs
// that carry state from node to node refuse to work for root.
func (s *Server) user() []string {
	switch {
	case os.Getuid() != 0:
		return nil
	case s.node:
		return []string{"--user=" + nodeUser}
	}
	return []string{"--user=root"}
}

// nodeUser is the user that Debian's package makes.
const nodeUser = "mysql"

// own gives the server's folder to the user it runs as, and lets that user reach it.
func (s *Server) own() error {
	if os.Getuid() != 0 || !s.node {
		return nil
	}
	if out, err := exec.Command("chown", "-R", nodeUser, s.dir).CombinedOutput(); err != nil {
		return fmt.Errorf("give %s to %s: %w\n%s", s.dir, nodeUser, err, out)
	}
	for dir := filepath.Dir(s.dir); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o711); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) tmp() string { return filepath.Join(s.dir, "tmp") }

// Addr is host:port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Start starts the server and returns when it answers.
func (s *Server) Start(ctx context.Context, extra ...string) error {
	if err := s.launch(extra...); err != nil {
		return err
	}
	return s.Ready(ctx)
}

func (s *Server) launch(extra ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		return nil
	}
	if s.node {
		position, err := s.position()
		if err != nil {
			return err
		}
		extra = append(extra, "--wsrep-start-position="+position)
	}
	cmd := s.command("error.log", extra...)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start mariadbd: %w", err)
	}
	exited := make(chan struct{})
	s.cmd, s.exited = cmd, exited
	go func() {
		defer close(exited)
		_ = cmd.Wait() // Kill and Stop mean it to die; Ready notices when nobody did.
	}()
	return nil
}

func (s *Server) command(log string, extra ...string) *exec.Cmd {
	args := slices.Concat([]string{
		"--no-defaults", "--datadir=" + s.data, "--tmpdir=" + s.tmp(), "--socket=" + filepath.Join(s.dir, "sock"), "--pid-file=" + filepath.Join(s.dir, "pid"),
		"--bind-address=127.0.0.1", "--port=" + strconv.Itoa(s.port), "--log-error=" + filepath.Join(s.dir, log),
		"--max-connections=400", "--innodb-buffer-pool-size=256M", "--innodb-flush-log-at-trx-commit=1",
	}, s.user(), s.args, extra)
	cmd := exec.Command("mariadbd", args...)
	cmd.Env = append(os.Environ(), s.env...)
	// A signal to the terminal's group is for the harness alone.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd
}

var recovered = regexp.MustCompile(`Recovered position: (\S+)`)

// position asks a node's own tables how far it had come, as Galera's service
// scripts do: with it, a node that was killed only needs what it has missed.
func (s *Server) position() (string, error) {
	log := filepath.Join(s.dir, "recover.log")
	if err := os.RemoveAll(log); err != nil {
		return "", err
	}
	if err := s.command("recover.log", "--wsrep-recover").Run(); err != nil {
		return "", fmt.Errorf("find the node's position: %w; see %s", err, log)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		return "", err
	}
	m := recovered.FindSubmatch(text)
	if m == nil {
		return "", fmt.Errorf("find the node's position: %s does not tell it", log)
	}
	return string(m[1]), nil
}

// Ready returns when the server answers queries.
func (s *Server) Ready(ctx context.Context) error {
	db, err := s.Open("")
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		if _, err = db.ExecContext(ctx, "SELECT COUNT(*) FROM mysql.proc"); err == nil {
			return nil
		}
		s.mu.Lock()
		exited := s.exited
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			return fmt.Errorf("mariadbd does not answer: %w; see %s", err, filepath.Join(s.dir, "error.log"))
		case <-exited:
			s.forget()
			return fmt.Errorf("mariadbd ended at its start; see %s", filepath.Join(s.dir, "error.log"))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *Server) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cmd = nil
}

// Open returns a pool of plain connections to a database, as an application has.
func (s *Server) Open(database string) (*sql.DB, error) {
	cfg, err := mysql.ParseDSN(s.DSN(s.Addr(), database))
	if err != nil {
		return nil, err
	}
	// Lost connections are what a run is made of.
	cfg.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// DSN is how to reach a database of the server over addr, its own or a proxy's.
func (s *Server) DSN(addr, database string) string {
	return fmt.Sprintf("root@tcp(%s)/%s?timeout=3s&readTimeout=10s&writeTimeout=10s", addr, database)
}

// Kill ends the server with SIGKILL and waits for its end.
func (s *Server) Kill() error { return s.end(syscall.SIGKILL) }

// Stop ends the server in good order.
func (s *Server) Stop() error { return s.end(syscall.SIGTERM) }

func (s *Server) end(sig syscall.Signal) error {
	s.mu.Lock()
	cmd, exited := s.cmd, s.exited
	s.cmd = nil
	s.mu.Unlock()
	if cmd == nil {
		return nil
	}
	if err := cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-exited
	return nil
}

// Freeze stops the server in the middle of what it does; Thaw lets it go on.
func (s *Server) Freeze() error { return s.signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (s *Server) Thaw() error { return s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return nil
	}
	return s.cmd.Process.Signal(sig)
}

func freePort(ctx context.Context) (int, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// Revive starts the server again if it has ended by itself.
func (s *Server) Revive(ctx context.Context) error {
	s.mu.Lock()
	select {
	case <-s.exited:
		s.cmd = nil
	default:
	}
	s.mu.Unlock()
	return s.Start(ctx)
}
