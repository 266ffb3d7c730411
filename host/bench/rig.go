package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "modernc.org/sqlite" // the driver that the host uses too
)

// rig is a folder with a real host, real plugins and a fresh database.
type rig struct {
	dir     string
	earshot string
	driver  string
	dsn     string
	db      *sql.DB
	drop    func() error
}

// newRig makes a database of its own. For mysql, server is the DSN of a server
// where that is allowed.
func newRig(ctx context.Context, earshot, driver, server string) (*rig, error) {
	dir, err := os.MkdirTemp("", "earshot-bench.")
	if err != nil {
		return nil, err
	}
	r := &rig{dir: dir, earshot: earshot, driver: driver, drop: func() error { return nil }}
	if err := r.fill(ctx, server); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func (r *rig) fill(ctx context.Context, server string) error {
	r.dsn = filepath.Join(r.dir, "queue.db")
	if r.driver == "mysql" {
		cfg, err := mysql.ParseDSN(server)
		if err != nil {
			return fmt.Errorf("read the server's DSN: %w", err)
		}
		name := fmt.Sprintf("earshot_bench_%d", time.Now().UnixNano())
		admin, err := sql.Open("mysql", server)
		if err != nil {
			return err
		}
		if _, err := admin.ExecContext(ctx, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4"); err != nil {
			return errors.Join(fmt.Errorf("create database: %w", err), admin.Close())
		}
		r.drop = func() error {
			_, err := admin.Exec("DROP DATABASE " + name)
			return errors.Join(err, admin.Close())
		}
		cfg.DBName, cfg.ParseTime = name, true
		r.dsn = cfg.FormatDSN()
	}
	if err := r.plugins("noop", "batch", "slow", "stamp"); err != nil {
		return err
	}
	conf := fmt.Sprintf("database: {driver: %s, dsn: {file: dsn}}\nevents: events.yaml\nrun_dir: run\nplugins: {dirs: [plugins]}\n", r.driver)
	if err := errors.Join(r.write("dsn", r.dsn), r.write("host.yaml", conf)); err != nil {
		return err
	}
	if _, err := r.run(ctx, "migrate", "up"); err != nil {
		return err
	}
	dsn := r.dsn
	if r.driver == "sqlite" {
		dsn += "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate"
	}
	var err error
	r.db, err = sql.Open(r.driver, dsn)
	return err
}

// plugins puts this binary under the names of the listeners that it plays.
func (r *rig) plugins(names ...string) error {
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("copy this binary: %w", err)
	}
	dir := filepath.Join(r.dir, "plugins")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, pluginPrefix+name), self, 0o755); err != nil {
			return err
		}
	}
	return nil
}

func (r *rig) write(name, text string) error {
	return os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600)
}

// events routes every event to the given listeners: "name=plugin".
func (r *rig) events(listeners ...string) error {
	var b strings.Builder
	b.WriteString("version: 1\ndefaults: {concurrency: 32}\nlisteners:\n")
	var names []string
	for _, l := range listeners {
		name, plugin, _ := strings.Cut(l, "=")
		names = append(names, name)
		if plugin == "stamp" {
			fmt.Fprintf(&b, "  %s: {plugin: stamp, config: {path: %s}}\n", name, filepath.Join(r.dir, "stamps"))
		} else {
			fmt.Fprintf(&b, "  %s: {plugin: %s}\n", name, plugin)
		}
	}
	fmt.Fprintf(&b, "events: {'*': [%s]}\n", strings.Join(names, ", "))
	return r.write("events.yaml", b.String())
}

func (r *rig) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, r.earshot, append([]string{"--config", filepath.Join(r.dir, "host.yaml")}, args...)...)
	cmd.Stderr = os.Stderr
	return cmd
}

// used is what a command of the host took.
type used struct {
	cpu  time.Duration // of the host and its plugins
	peak int64         // resident bytes of the host
}

// run runs a command of the host to its end.
func (r *rig) run(ctx context.Context, args ...string) (used, error) {
	cmd := r.command(ctx, args...)
	if err := cmd.Start(); err != nil {
		return used{}, err
	}
	ended := make(chan struct{})
	peak := make(chan int64)
	go func() { peak <- watchPeak(cmd.Process.Pid, ended) }()
	err := cmd.Wait()
	close(ended)
	u := used{peak: <-peak}
	if err != nil {
		return u, fmt.Errorf("earshot %s: %w", strings.Join(args, " "), err)
	}
	u.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return u, nil
}

// watchPeak reads the peak of a process until it ends. What wait(2) tells would
// begin at the peak of the process that forked it: this one's.
func watchPeak(pid int, ended <-chan struct{}) (peak int64) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return peak
		case <-tick.C:
		}
		if data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)); err == nil {
			peak = max(peak, peakOf(string(data)))
		}
	}
}

func peakOf(status string) int64 {
	_, rest, _ := strings.Cut(status, "VmHWM:")
	var kilobytes int64
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
		return 0
	}
	return kilobytes << 10
}

func (r *rig) close() error {
	var err error
	if r.db != nil {
		err = r.db.Close()
	}
	return errors.Join(err, r.drop(), os.RemoveAll(r.dir))
}

// insert writes n events of size bytes, many in a statement.
func (r *rig) insert(ctx context.Context, n, size int) error {
	payload := payload(size)
	for n > 0 {
		part := min(n, max(1, 1<<20/size))
		args := make([]any, part)
		for i := range args {
			args[i] = payload
		}
		stmt := "INSERT INTO event_queue (event_name, payload) VALUES " + strings.TrimSuffix(strings.Repeat("('order.paid', ?), ", part), ", ")
		if _, err := r.db.ExecContext(ctx, stmt, args...); err != nil {
			return fmt.Errorf("insert %d events: %w", part, err)
		}
		n -= part
	}
	return nil
}

// payload is a JSON object of about size bytes.
func payload(size int) string {
	const head = `{"order":{"id":4127,"total":"179.90","customer":{"name":"Ana Lima","email":"ana@example.com"}},"notes":"`
	return head + strings.Repeat("x", max(0, size-len(head)-2)) + `"}`
}

// count reads one number.
func (r *rig) count(ctx context.Context, stmt string) (n int, err error) {
	err = r.db.QueryRowContext(ctx, stmt).Scan(&n)
	return n, err
}

func stampLine(id int64, at time.Time) string { return fmt.Sprintf("%d %d\n", id, at.UnixNano()) }
