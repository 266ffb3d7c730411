package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/earshot-host/earshot/host/chaos/mariadb"
)

// rig is all that one run is made of.
type rig struct {
	opt     options
	dir     string
	servers []*mariadb.Server
	// queue reaches the database past all proxies.
	queue   *sql.DB
	fleet   *fleet
	journal journal
	// disk is the folder whose file system can be filled; empty where none can be.
	disk disk
}

// newRig builds the product, starts a database and makes its tables.
func newRig(ctx context.Context, opt options) (_ *rig, err error) {
	r := &rig{opt: opt, dir: opt.dir}
	if r.dir == "" {
		if r.dir, err = os.MkdirTemp("", "earshot-chaos-"); err != nil {
			return nil, err
		}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if err := r.files(ctx); err != nil {
		return nil, err
	}
	if err := r.startDatabase(ctx); err != nil {
		return nil, err
	}
	if r.queue, err = r.servers[0].Open(database); err != nil {
		return nil, err
	}
	cmd := r.earshot("migrate", "up")
	cmd.Env = append(cmd.Env, "EARSHOT_DATABASE_DSN="+r.servers[0].DSN(r.servers[0].Addr(), database))
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make the tables: %w\n%s", err, out)
	}
	r.fleet, err = newFleet(ctx, r)
	return r, err
}

// database is the name of the application's.
const database = "chaos"

func (r *rig) path(name ...string) string { return filepath.Join(append([]string{r.dir}, name...)...) }

// files lays out binaries and configuration.
func (r *rig) files(ctx context.Context) error {
	for _, dir := range []string{"plugins", "ledger", "log"} {
		if err := os.MkdirAll(r.path(dir), 0o755); err != nil {
			return err
		}
	}
	args := []string{"build", "-o", r.path("earshot")}
	if r.opt.overlay != "" {
		args = append(args, "-overlay", r.opt.overlay)
	}
	build := exec.CommandContext(ctx, "go", append(args, "github.com/earshot-host/earshot/host/cmd/earshot")...)
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build earshot: %w\n%s", err, out)
	}
	for _, name := range []string{"ledger", "bulk"} {
		if err := r.installPlugin(name); err != nil {
			return err
		}
	}
	if err := r.writeEvents(0); err != nil {
		return err
	}
	return os.WriteFile(r.path("host.yaml"), []byte(hostYAML), 0o600)
}

// installPlugin puts a copy of this binary in the place of a plugin, as an
// upgrade does: the old file stays whole until the new one is.
func (r *rig) installPlugin(name string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	from, err := os.Open(self)
	if err != nil {
		return err
	}
	defer from.Close()
	target := r.path("plugins", pluginPrefix+name)
	to, err := os.OpenFile(target+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Close()); err != nil {
		return err
	}
	return os.Rename(target+".new", target)
}

func (r *rig) writeEvents(spare int) error {
	return r.replaceEvents(eventsYAML(r.path("ledger"), r.opt.seed, spare))
}

func (r *rig) replaceEvents(text string) error {
	if err := os.WriteFile(r.path("events.yaml.new"), []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(r.path("events.yaml.new"), r.path("events.yaml"))
}

func (r *rig) startDatabase(ctx context.Context) error {
	dir := r.path("db")
	if r.opt.nodes > 1 {
		cluster, err := mariadb.NewCluster(ctx, dir, r.opt.nodes)
		if cluster != nil {
			r.servers = cluster.Nodes
		}
		if err != nil {
			return err
		}
	} else {
		opt, err := r.oneServer()
		if err != nil {
			return err
		}
		server, err := mariadb.New(ctx, dir, opt)
		if err != nil {
			return err
		}
		r.servers = []*mariadb.Server{server}
		if err := server.Start(ctx); err != nil {
			return err
		}
	}
	db, err := r.servers[0].Open("")
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, "CREATE DATABASE "+database+" CHARACTER SET utf8mb4")
	return err
}

// oneServer says what a lone server needs for the faults of this run.
func (r *rig) oneServer() (opt mariadb.Options, err error) {
	if r.wants("disk-full") {
		if r.disk, err = mountDisk(r.path("disk")); err != nil {
			return opt, err
		}
		opt.Data = filepath.Join(string(r.disk), "data")
		// Small files, or the log alone would fill the disk.
		opt.Args = append(opt.Args, "--innodb-log-file-size=32M")
	}
	if r.wants("clock") {
		env, err := clockEnv(r.path("clock"))
		if err != nil {
			return opt, err
		}
		opt.Env = env
	}
	return opt, nil
}

// earshot is a command of the product, with nothing of this process's environment.
func (r *rig) earshot(args ...string) *exec.Cmd {
	cmd := exec.Command(r.path("earshot"), args...)
	cmd.Dir = r.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir, "TMPDIR=" + os.TempDir()}
	return cmd
}

// close ends everything. The folder stays: run removes it when all was well.
func (r *rig) close() error {
	var errs []error
	if r.fleet != nil {
		errs = append(errs, r.fleet.close())
	}
	if r.queue != nil {
		errs = append(errs, r.queue.Close())
	}
	for i := range r.servers {
		errs = append(errs, r.servers[len(r.servers)-1-i].Stop())
	}
	return errors.Join(append(errs, r.disk.unmount())...)
}

func (r *rig) say(format string, args ...any) {
	fmt.Fprintf(r.opt.log, strings.TrimSuffix(format, "\n")+"\n", args...)
}
