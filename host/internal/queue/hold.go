package queue

import (
	"cmp"
	"database/sql"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/earshot-host/earshot/host/internal/event"
)

// health is what a group of results says of one listener.
type health struct {
	worked      bool
	unavailable *event.Outcome
	crashed     string
}

// noteHealth keeps the listeners' breakers: what has worked is held no longer,
// what cannot work or keeps crashing is held for all hosts.
func (s *Store) noteHealth(tx *gorm.DB, group []event.Settled) error {
	byListener := make(map[string]health)
	for _, st := range group {
		h := byListener[st.Delivery.Listener]
		switch st.Outcome.Code {
		case event.Delivered, event.Skipped:
			h.worked = true
		case event.Unavailable:
			h.unavailable = &st.Outcome
		case event.Lost:
			// Calls that went down together are one crash.
			h.crashed = cmp.Or(st.Outcome.Reason, "no reason known")
		}
		byListener[st.Delivery.Listener] = h
	}
	var worked []string
	for _, name := range slices.Sorted(maps.Keys(byListener)) {
		h := byListener[name]
		if h.unavailable != nil || h.crashed != "" {
			if err := s.trip(tx, name, h); err != nil {
				return err
			}
		} else if h.worked {
			worked = append(worked, name)
		}
	}
	if len(worked) == 0 {
		return nil
	}
	return tx.Exec(`UPDATE event_listeners SET held_since = NULL, held_until = NULL, holds = 0, reason = NULL WHERE listener IN ? AND holds > 0`, worked).Error
}

func (s *Store) trip(tx *gorm.DB, listener string, h health) error {
	if err := s.ensureListener(tx, listener); err != nil {
		return err
	}
	var b event.Breaker
	var window sql.NullInt64
	err := query(tx, func(rows *sql.Rows) error { return rows.Scan(&b.Holds, &b.Crashes, &window, &b.Held) },
		`SELECT holds, crashes, `+s.age("crashes_since", s.now)+`, COALESCE(held_until > `+s.now+`, FALSE) FROM event_listeners WHERE listener = ?`+s.wait, listener)
	if err != nil {
		return err
	}
	b.Window = time.Duration(window.Int64) * time.Microsecond
	b, hold := b.Trip(h.unavailable, h.crashed)
	since := "crashes_since"
	if b.Crashes == 1 && h.crashed != "" {
		since = s.now
	}
	if hold == nil {
		return tx.Exec(`UPDATE event_listeners SET crashes = ?, crashes_since = `+since+` WHERE listener = ?`, b.Crashes, listener).Error
	}
	return tx.Exec(`UPDATE event_listeners SET crashes = ?, crashes_since = `+since+`, holds = ?, reason = ?,
			held_since = COALESCE(held_since, `+s.now+`), held_until = `+s.later+` WHERE listener = ?`,
		b.Crashes, b.Holds, clip(hold.Reason), s.after(hold.For), listener).Error
}

func (s *Store) ensureListener(tx *gorm.DB, listener string) error {
	return tx.Exec(`INSERT INTO event_listeners (listener) VALUES (?)`+s.ignoreListener, listener).Error
}
