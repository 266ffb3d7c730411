package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// claimLock returns the clause that keeps other claimers off the rows that a
// claim reads. Whether SKIP LOCKED works is found once, by behaviour: versions
// tell nothing of forks, and TiDB accepts it and does nothing
// (https://github.com/pingcap/tidb/issues/18207). Without it claimers wait for
// one another: slower, as safe.
func (s *Store) claimLock(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lock != nil {
		return *s.lock, nil
	}
	lock := s.wait
	if s.skip != "" {
		works, err := s.skipWorks(ctx)
		if err != nil {
			return "", fmt.Errorf("try SKIP LOCKED: %w", err)
		}
		if works {
			lock = s.skip
		}
	}
	s.lock = &lock
	return lock, nil
}

// skipWorks locks a row on one connection and looks whether another skips it.
func (s *Store) skipWorks(ctx context.Context) (bool, error) {
	first, err := s.sql.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer first.Rollback() //nolint:errcheck // nothing was written
	if _, err := s.sees(ctx, first); s.unknown(err) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	second, err := s.sql.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer second.Rollback() //nolint:errcheck // nothing was written
	seen, err := s.sees(ctx, second)
	return !seen, err
}

func (s *Store) sees(ctx context.Context, tx *sql.Tx) (bool, error) {
	var name string
	err := tx.QueryRowContext(ctx, `SELECT name FROM event_locks WHERE name = 'probe'`+s.skip).Scan(&name)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
