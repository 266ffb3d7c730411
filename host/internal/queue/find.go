package queue

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// findPage is how many events one step of Find looks at.
const findPage = 500

// Find calls fn with the ids of all events that f picks, the oldest first, in
// groups of at most 500. It locks nothing, and what fn does to an event does
// not change which come next. It ends at fn's first error.
func (s *Store) Find(ctx context.Context, f Filter, fn func(ids []int64) error) error {
	left := f.Limit
	for {
		n := findPage
		if f.Limit > 0 {
			n = min(n, left)
		}
		ids, more, err := s.page(ctx, f, false, n)
		if err != nil {
			return fmt.Errorf("find events: %w", err)
		}
		if len(ids) > 0 {
			if err := fn(ids); err != nil {
				return err
			}
		}
		if left -= len(ids); more == 0 || f.Limit > 0 && left <= 0 {
			return nil
		}
		f.From = more
	}
}

// Count returns how many events f picks, MaxCount meaning at least as many, and
// the first few of them.
func (s *Store) Count(ctx context.Context, f Filter, sample int) (int, []Row, error) {
	if f.Limit == 0 || f.Limit > MaxCount {
		f.Limit = MaxCount
	}
	n := 0
	var first []int64
	err := s.Find(ctx, f, func(ids []int64) error {
		n += len(ids)
		first = append(first, ids[:min(len(ids), sample-len(first))]...)
		return nil
	})
	if err != nil {
		return 0, nil, err
	}
	rows, err := s.Rows(ctx, first)
	return n, rows, err
}

// page returns the ids of up to n events, ascending, from the newest or oldest
// end of what f picks. more is where the next page begins: Before when from the
// newest, From when from the oldest; zero if this was the last. With Match a
// page may be short, or empty, and not the last.
func (s *Store) page(ctx context.Context, f Filter, newest bool, n int) (ids []int64, more int64, err error) {
	c, err := s.condition(ctx, f)
	if err != nil {
		return nil, 0, err
	}
	fetch := n
	payload := "NULL"
	if len(f.Match) > 0 {
		fetch, payload = findPage, "e.payload"
	}
	order := "e.id"
	if c.narrow {
		// An expression keeps the optimizer from walking the whole primary key
		// in the hope of an early end.
		order = "e.id + 0"
	}
	if newest {
		order += " DESC"
	}
	seen, last := 0, int64(0)
	err = query(s.db.WithContext(ctx), func(rows *sql.Rows) error {
		var body []byte
		if err := rows.Scan(&last, &body); err != nil {
			return err
		}
		seen++
		if len(ids) < n && matches(body, f.Match) {
			ids = append(ids, last)
		}
		return nil
	}, `SELECT e.id, `+payload+` FROM `+s.opt.Table+` AS e WHERE `+strings.Join(c.where, " AND ")+` ORDER BY `+order+` LIMIT ?`, append(c.args, fetch)...)
	if err != nil {
		return nil, 0, err
	}
	if len(f.Match) > 0 && len(ids) == n {
		last = ids[n-1]
	}
	if seen == fetch || len(f.Match) > 0 && len(ids) == n {
		more = last
		if !newest {
			more++
		}
	}
	if newest {
		slices.Reverse(ids)
	}
	return ids, more, nil
}
