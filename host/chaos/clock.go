package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/earshot-host/earshot/host/chaos/check"
)

// The database's clock is moved with libfaketime: all leases and waits go by
// it. A host reads the kernel's clock without the C library, so its clock can
// only be moved for the whole machine, and is left alone.

// clockEnv is what makes a server read its clock's offset from a file.
func clockEnv(file string) ([]string, error) {
	libs, err := filepath.Glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
	if err != nil || len(libs) == 0 {
		return nil, fmt.Errorf("the fault clock needs libfaketime: apt-get install libfaketime")
	}
	if err := setClock(file, 0); err != nil {
		return nil, err
	}
	return []string{"LD_PRELOAD=" + libs[0], "FAKETIME_TIMESTAMP_FILE=" + file, "FAKETIME_NO_CACHE=1", "DONT_FAKE_MONOTONIC=1"}, nil
}

func setClock(file string, offset time.Duration) error {
	return os.WriteFile(file, fmt.Appendf(nil, "%+d\n", int(offset.Seconds())), 0o600)
}

// moveClock lets the database's clock jump, forth or back, for a while.
func (b *breaker) moveClock(ctx context.Context, luck int, span time.Duration) {
	if !b.database.TryLock() {
		return
	}
	defer b.database.Unlock()
	offset := []time.Duration{time.Hour, -time.Hour, lease, -lease}[luck%4]
	end := b.r.journal.begin(check.Clock, 0)
	defer end()
	if err := setClock(b.r.path("clock"), offset); err != nil {
		b.r.say("move the clock: %v", err)
	}
	pause(ctx, span)
	if err := setClock(b.r.path("clock"), 0); err != nil {
		b.r.say("move the clock back: %v", err)
	}
}
