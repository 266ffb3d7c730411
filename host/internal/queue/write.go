package queue

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"
)

// conflictTries is how often a transaction that others were in the way of is
// tried before the caller hears of it: over 2 s in all.
const conflictTries = 10

// write runs fn in one transaction, again while others are in the way.
func (s *Store) write(ctx context.Context, fn func(tx *gorm.DB) error) error {
	for try := 1; ; try++ {
		err := s.db.WithContext(ctx).Transaction(fn)
		if err == nil || try == conflictTries || !s.conflict(err) && !errors.Is(err, errRaced) {
			return err
		}
		s.conflicts.Add(1)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(rand.N(min(time.Millisecond<<try, 500*time.Millisecond))):
		}
	}
}

// Conflicts counts the transactions that were tried again since others were
// in the way.
func (s *Store) Conflicts() int64 { return s.conflicts.Load() }

// Transient reports whether err is a fault of the moment (a lost connection, a
// server that is starting) and the same call may be made again. The fence makes
// repeating safe: what was already written changes nothing.
func (s *Store) Transient(err error) bool {
	return err != nil && (errors.Is(err, errRaced) || s.transient(err))
}
