package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// configuration reports what the two files warn of.
func (d *exam) configuration() {
	if d.Settings == nil {
		return
	}
	where := d.Settings.File
	if where == "" {
		where = "no host.yaml, all defaults"
	}
	d.ok(Config, "host.yaml", where)
	for _, w := range d.Settings.Warnings() {
		d.warn(Config, "host.yaml", w, "")
	}
	if d.Routes == nil {
		return
	}
	d.ok(Config, "events.yaml", fmt.Sprintf("%s: %d listeners, %d entries", d.Settings.Events, len(d.Routes.Names()), len(d.Routes.Events())))
	for _, w := range d.Routes.Warnings() {
		d.warn(Config, "events.yaml", w, "")
	}
}

// plugins reports on the binary of each listener, and asks it.
func (d *exam) plugins(ctx context.Context) {
	for _, name := range d.Routes.Names() {
		check := "listener " + name
		if d.Path != nil {
			path, err := d.Path(name)
			if err != nil {
				d.fail(Plugins, check, err.Error(), "install the plugin, or correct plugins.dirs")
				continue
			}
			if d.exposed(check, path) {
				continue
			}
		}
		if d.Listener == nil {
			continue
		}
		tells, err := d.Listener(ctx, name)
		switch {
		case err != nil:
			d.fail(Plugins, check, err.Error(), "correct its config in events.yaml, then run: earshot listener check "+name)
		case !tells:
			d.ok(Plugins, check, "starts and takes its config; it has no check of its own")
		default:
			d.ok(Plugins, check, "could deliver now")
		}
	}
}

// exposed reports a binary that others may replace: what is started is run as
// the host's own user.
func (d *exam) exposed(check, path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		d.fail(Plugins, check, err.Error(), "install the plugin, or correct plugins.dirs")
		return true
	}
	if info.Mode().Perm()&0o022 != 0 {
		d.warn(Plugins, check, fmt.Sprintf("others may write to %s (mode %o)", path, info.Mode().Perm()), "run: chmod go-w "+path)
	}
	if info.Mode().Perm()&0o111 == 0 {
		d.fail(Plugins, check, path+" is not executable", "run: chmod a+x "+path)
		return true
	}
	return false
}

// Room that a disk should have.
const (
	minBytes  = 200 << 20
	minInodes = 1000
)

// machine reports on the disks that the host writes to.
func (d *exam) machine() {
	if d.Settings == nil {
		return
	}
	folders := map[string]string{"run folder": d.Settings.RunDir}
	if d.Settings.Database.Driver == "sqlite" {
		folders["database folder"] = filepath.Dir(d.Settings.Database.DSN.Reveal())
	}
	for check, dir := range folders {
		at, err := existing(dir)
		var st syscall.Statfs_t
		if err == nil {
			err = syscall.Statfs(at, &st)
		}
		if err != nil {
			d.warn(Machine, check, dir+": "+err.Error(), "")
			continue
		}
		free, unit := st.Bavail*uint64(st.Bsize), uint64(1<<20)
		detail := fmt.Sprintf("%d MiB free in %s", free/unit, dir)
		if free < minBytes || st.Files > 0 && st.Ffree < minInodes {
			d.warn(Machine, check, fmt.Sprintf("only %s, and %d files more", detail, st.Ffree), "make room, or the host cannot write")
			continue
		}
		d.ok(Machine, check, detail)
	}
}

// existing is dir, or the nearest folder above it that is there.
func existing(dir string) (string, error) {
	for {
		_, err := os.Stat(dir)
		if err == nil || !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return dir, err
		}
		dir = filepath.Dir(dir)
	}
}
