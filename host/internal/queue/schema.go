package queue

import (
	"context"
	"fmt"
)

// queueColumns are what an application's table must have.
const queueColumns = "id, event_name, payload, status, attempts, max_attempts, error_message, scheduled_at, processed_at, create_datetime, update_datetime"

var ownTables = map[string]string{
	"event_deliveries": "id, event_id, listener, state, due_at, token, host, attempts, lost, redelivered, ordering_key, receipts, last_error, external_id, written, created_at, finished_at",
	"event_attempts":   "id, event_id, listener, attempt, outcome, error, host, finished_at",
	"event_listeners":  "listener, paused_at, held_since, held_until, holds, reason, crashes, crashes_since, rate_next",
	"event_keys":       "dedup_key, event_id, created_at",
	"event_pauses":     "event_name, paused_at, taken",
	"event_locks":      "name, holder, held_until, taken",
}

// Check reports what the tables lack for this version, as ErrSchema.
func (s *Store) Check(ctx context.Context) error {
	hint := "run: earshot migrate up"
	if s.Adopted() {
		hint = "check database.queue_table, or run the application's own migrations"
	}
	if err := s.checkTable(ctx, s.opt.Table, queueColumns, hint); err != nil {
		return err
	}
	for table, columns := range ownTables {
		if err := s.checkTable(ctx, table, columns, "run: earshot migrate up"); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) checkTable(ctx context.Context, table, columns, hint string) error {
	rows, err := s.sql.QueryContext(ctx, "SELECT "+columns+" FROM "+table+" WHERE 1 = 0")
	if err == nil {
		err = rows.Close()
	}
	switch {
	case s.missing(err):
		return fmt.Errorf("%w: table %s is missing or lacks a column (%w); %s", ErrSchema, table, err, hint)
	case err != nil:
		return fmt.Errorf("check table %s: %w", table, err)
	}
	return nil
}
