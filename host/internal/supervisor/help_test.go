package supervisor

import (
	"errors"
	"io/fs"
	"os"
	"testing"
	"time"
)

// awaitFile returns once path is there: a puppet is in the middle of its deed.
func awaitFile(t testing.TB, path string) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			return
		}
	}
}
