package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/earshot-host/earshot/host/chaos/check"
)

// disk is a small file system in memory that can be filled; empty is none.
type disk string

// diskSize leaves room for the database and the events of one run.
const diskSize = "size=600m"

// mountDisk needs root: there is no other way to a small disk.
func mountDisk(dir string) (disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	if err := syscall.Mount("chaos", dir, "tmpfs", 0, diskSize); err != nil {
		return "", fmt.Errorf("mount a small disk on %s: %w; the fault disk-full needs root", dir, err)
	}
	return disk(dir), nil
}

func (d disk) unmount() error {
	if d == "" {
		return nil
	}
	return syscall.Unmount(string(d), syscall.MNT_DETACH)
}

// fill writes until nothing more fits, and returns the way back.
func (d disk) fill() (free func() error, err error) {
	name := filepath.Join(string(d), "ballast")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	for piece := make([]byte, 1<<20); len(piece) > 0; {
		if _, err = f.Write(piece); err != nil {
			piece = piece[:len(piece)/2]
		}
	}
	if errors.Is(err, syscall.ENOSPC) {
		err = nil
	}
	return func() error { return os.Remove(name) }, errors.Join(err, f.Close())
}

func (b *breaker) fillDisk(ctx context.Context, span time.Duration) {
	if !b.database.TryLock() {
		return
	}
	defer b.database.Unlock()
	end := b.r.journal.begin(check.DiskFull, 0)
	defer end()
	free, err := b.r.disk.fill()
	if err != nil {
		b.r.say("fill the disk: %v", err)
		return
	}
	pause(ctx, span)
	if err := free(); err != nil {
		b.r.say("free the disk: %v", err)
	}
	// A server that could not write its log has ended itself.
	if err := b.r.servers[0].Revive(context.WithoutCancel(ctx)); err != nil {
		b.r.say("start the database after the disk was full: %v", err)
	}
}
