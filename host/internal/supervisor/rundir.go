package supervisor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
)

// runDir is this host's own folder inside the run folder that hosts share. It
// holds a lock for as long as the host lives: what nobody holds is swept.
type runDir struct {
	path string
	lock *os.File
	next atomic.Int64
}

// socketName is the longest that is made below a host's folder:
// a folder per process, and go-plugin's name for a socket.
const socketName = "/99999/plugin4294967295"

// newRunDir makes the run folder if need be, sweeps what dead hosts have left
// in it, and makes a folder for this host.
func newRunDir(shared string) (*runDir, error) {
	if shared == "" {
		shared = filepath.Join(os.TempDir(), "earshot-"+strconv.Itoa(os.Getuid()))
	}
	shared, err := filepath.Abs(shared)
	if err != nil {
		return nil, err
	}
	limit := 107 // the kernel's, less the NUL
	if runtime.GOOS == "darwin" {
		limit = 103
	}
	if room := limit - len("/h4294967295"+socketName); len(shared) > room {
		return nil, fmt.Errorf("run folder %s: the path has %d bytes; sockets go in it, and their paths may have %d, so it may have %d: choose a shorter one",
			shared, len(shared), limit, room)
	}
	if err := claim(shared); err != nil {
		return nil, fmt.Errorf("run folder %s: %w", shared, err)
	}
	// Sweeping and making are one step: a folder that another host has made and
	// not yet locked must not be taken for a dead one's.
	all, err := lockFile(filepath.Join(shared, ".lock"), os.O_CREATE, syscall.LOCK_EX)
	if err != nil {
		return nil, fmt.Errorf("lock run folder %s: %w", shared, err)
	}
	defer all.Close()
	sweep(shared)
	path, err := os.MkdirTemp(shared, "h")
	if err != nil {
		return nil, err
	}
	lock, err := lockFile(filepath.Join(path, "lock"), os.O_CREATE, syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(path))
	}
	return &runDir{path: path, lock: lock}, nil
}

// claim makes a folder that only this user can enter, or makes sure that it is one.
func claim(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return errors.New("it is not a folder")
	case ok && int(st.Uid) != os.Geteuid():
		return fmt.Errorf("it belongs to user %d, and this host runs as %d: choose another, or remove it", st.Uid, os.Geteuid())
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("others may write to it (mode %s): choose a folder of its own, such as %s", info.Mode().Perm(), filepath.Join(dir, "earshot"))
	case info.Mode().Perm() != 0o700:
		return os.Chmod(dir, 0o700)
	}
	return nil
}

// own is the shape of a host's folder: nothing else is ever removed.
var own = regexp.MustCompile(`^h\d+$`)

// sweep removes the folders of hosts that have died.
func sweep(shared string) {
	entries, _ := os.ReadDir(shared)
	for _, e := range entries {
		if !e.IsDir() || !own.MatchString(e.Name()) {
			continue
		}
		dir := filepath.Join(shared, e.Name())
		lock, err := lockFile(filepath.Join(dir, "lock"), 0, syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, fs.ErrNotExist) {
			_ = os.Remove(dir) // its host died before it had put anything there
			continue
		}
		if err != nil {
			continue // its host lives
		}
		_, _ = os.RemoveAll(dir), lock.Close()
	}
}

func lockFile(path string, flag, how int) (*os.File, error) {
	f, err := os.OpenFile(path, flag|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		if err = syscall.Flock(int(f.Fd()), how); !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// sockets makes a folder for the sockets of one process.
func (d *runDir) sockets() (string, error) {
	path := filepath.Join(d.path, strconv.FormatInt(d.next.Add(1), 10))
	return path, os.Mkdir(path, 0o700)
}

// close removes this host's folder.
func (d *runDir) close() error {
	return errors.Join(os.RemoveAll(d.path), d.lock.Close())
}
