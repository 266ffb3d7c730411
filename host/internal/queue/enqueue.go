package queue

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// New is an event to be inserted.
type New struct {
	Name    string
	Payload []byte
	// In keeps it from being claimed before; zero is now.
	In time.Duration
	// Key is the producer's own name for what happened: of events with one key,
	// the first is inserted. Empty is none; it has 191 characters at most.
	Key string
}

// Inserted is what became of a New.
type Inserted struct {
	ID int64
	// Duplicate says that an event with its key was there already: ID is that one's.
	Duplicate bool
}

// Insert inserts events as an application would, all or none, in one
// transaction: some hundreds at most.
func (s *Store) Insert(ctx context.Context, events []New) ([]Inserted, error) {
	var out []Inserted
	err := s.write(ctx, func(tx *gorm.DB) error {
		out = make([]Inserted, len(events))
		for i, ev := range events {
			var err error
			if out[i], err = s.insert(tx, ev); err != nil {
				return fmt.Errorf("event %s: %w", ev.Name, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("insert %d events: %w", len(events), err)
	}
	return out, nil
}

// Enqueue inserts one event and returns its id. A positive delay keeps it from
// being claimed before.
func (s *Store) Enqueue(ctx context.Context, name string, payload []byte, delay time.Duration) (int64, error) {
	out, err := s.Insert(ctx, []New{{Name: name, Payload: payload, In: delay}})
	if err != nil {
		return 0, err
	}
	return out[0].ID, nil
}

func (s *Store) insert(tx *gorm.DB, ev New) (Inserted, error) {
	if ev.Key != "" {
		taken, err := s.takeKey(tx, ev.Key)
		if err != nil || taken != nil {
			return Inserted{ID: value(taken), Duplicate: true}, err
		}
	}
	scheduled, args := "NULL", []any{ev.Name, string(ev.Payload)}
	if ev.In > 0 {
		// By the clock that due events are compared with.
		scheduled, args = s.queueLater, append(args, s.after(ev.In))
	}
	err := tx.Exec(`INSERT INTO `+s.opt.Table+` (event_name, payload, scheduled_at, create_datetime, update_datetime)
		VALUES (?, ?, `+scheduled+`, `+s.queueNow+`, `+s.queueNow+`)`, args...).Error
	if err != nil {
		return Inserted{}, err
	}
	var in Inserted
	err = query(tx, func(rows *sql.Rows) error { return rows.Scan(&in.ID) }, `SELECT `+s.lastID)
	if err == nil && ev.Key != "" {
		err = tx.Exec(`UPDATE event_keys SET event_id = ? WHERE dedup_key = ?`, in.ID, ev.Key).Error
	}
	return in, err
}

// takeKey makes key ours, or returns the id of the event that has it. It waits
// for a transaction that is taking the same key.
func (s *Store) takeKey(tx *gorm.DB, key string) (*int64, error) {
	ignore := " ON DUPLICATE KEY UPDATE event_id = event_id"
	if s.name == "sqlite" {
		ignore = " ON CONFLICT (dedup_key) DO NOTHING"
	}
	res := tx.Exec(`INSERT INTO event_keys (dedup_key, created_at) VALUES (?, `+s.now+`)`+ignore, key)
	if res.Error != nil || res.RowsAffected == 1 {
		return nil, res.Error
	}
	var id int64
	err := query(tx, func(rows *sql.Rows) error { return rows.Scan(&id) }, `SELECT event_id FROM event_keys WHERE dedup_key = ?`, key)
	return &id, err
}

func value(id *int64) int64 {
	if id == nil {
		return 0
	}
	return *id
}
