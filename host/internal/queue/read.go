package queue

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/earshot-host/earshot/host/internal/event"
)

// Row is an event as people see it. Times are UTC, whatever the zone is that the
// application writes in; nil stands for NULL.
type Row struct {
	ID          int64      `json:"id"`
	Name        string     `json:"event"`
	Status      string     `json:"status"`
	Attempts    int        `json:"attempts"`
	MaxAttempts int        `json:"max_attempts"`
	Error       string     `json:"error,omitempty"`
	Scheduled   *time.Time `json:"scheduled_at,omitempty"`
	Processed   *time.Time `json:"processed_at,omitempty"`
	Created     *time.Time `json:"created_at,omitempty"`
	PayloadSize int64      `json:"payload_bytes"`
}

// DeliveryRow is a delivery as people see it.
type DeliveryRow struct {
	Listener    string      `json:"listener"`
	State       event.State `json:"state"`
	Attempts    int         `json:"attempts"`
	Lost        int         `json:"lost,omitempty"`
	Redelivered bool        `json:"redelivered,omitempty"`
	// Running says that a host holds it now, and Host which.
	Running    bool       `json:"running,omitempty"`
	Host       string     `json:"host,omitempty"`
	Due        *time.Time `json:"due_at,omitempty"`
	Finished   *time.Time `json:"finished_at,omitempty"`
	Error      string     `json:"error,omitempty"`
	ExternalID string     `json:"external_id,omitempty"`
	Receipts   int        `json:"receipts,omitempty"`
}

// AttemptRow is one attempt that went wrong.
type AttemptRow struct {
	Listener string    `json:"listener"`
	Attempt  int       `json:"attempt"`
	Outcome  string    `json:"outcome"`
	Error    string    `json:"error,omitempty"`
	Host     string    `json:"host"`
	Finished time.Time `json:"finished_at"`
}

// rowColumns reads the application's times as seconds since 1970: its columns
// hold them in the zone of its session, and no zone beside them.
func (s *Store) rowColumns() string {
	at := func(column string) string {
		if s.name == "sqlite" {
			return "ROUND((julianday(" + column + ") - 2440587.5) * 86400, 3)"
		}
		return "UNIX_TIMESTAMP(" + column + ")"
	}
	return "e.id, e.event_name, e.status, e.attempts, e.max_attempts, e.error_message, " +
		at("e.scheduled_at") + ", " + at("e.processed_at") + ", " + at("e.create_datetime") + ", OCTET_LENGTH(e.payload)"
}

func unix(seconds sql.NullFloat64) *time.Time {
	if !seconds.Valid {
		return nil
	}
	t := time.UnixMicro(int64(math.Round(seconds.Float64 * 1e6))).UTC()
	return &t
}

// List returns events, the newest first. For the next page, set Before to the
// id of the last one.
func (s *Store) List(ctx context.Context, f Filter) ([]Row, error) {
	limit := f.Limit
	if limit <= 0 {
		limit = 50
	}
	var out []Row
	for {
		want := limit - len(out)
		ids, more, err := s.page(ctx, f, true, want)
		if err != nil {
			return nil, fmt.Errorf("list events: %w", err)
		}
		rows, err := s.Rows(ctx, ids)
		if err != nil {
			return nil, err
		}
		slices.Reverse(rows)
		if out = append(out, rows...); len(out) == limit || more == 0 {
			return out, nil
		}
		f.Before = more
	}
}

// Rows returns events by their ids, in that order; one that is gone is left out.
func (s *Store) Rows(ctx context.Context, ids []int64) ([]Row, error) {
	if len(ids) == 0 {
		return []Row{}, nil
	}
	rows, err := s.rows(ctx, "SELECT "+s.rowColumns()+" FROM "+s.opt.Table+" AS e WHERE e.id IN ? ORDER BY e.id", ids)
	if err != nil {
		return nil, fmt.Errorf("read %d events: %w", len(ids), err)
	}
	return rows, nil
}

// Payload returns an event's payload as it is stored.
func (s *Store) Payload(ctx context.Context, id int64) ([]byte, error) {
	var payload []byte
	found := false
	err := query(s.db.WithContext(ctx), func(rows *sql.Rows) error {
		found = true
		return rows.Scan(&payload)
	}, "SELECT payload FROM "+s.opt.Table+" WHERE id = ?", id)
	if err == nil && !found {
		err = fmt.Errorf("%w: table %s has no such row", ErrNotFound, s.opt.Table)
	}
	if err != nil {
		return nil, fmt.Errorf("read payload of event %d: %w", id, err)
	}
	return payload, nil
}

// Show returns one event with its deliveries and what went wrong on the way.
// An id that is not there is ErrNotFound.
func (s *Store) Show(ctx context.Context, id int64) (Row, []DeliveryRow, []AttemptRow, error) {
	events, err := s.rows(ctx, "SELECT "+s.rowColumns()+" FROM "+s.opt.Table+" AS e WHERE e.id = ?", id)
	if err == nil && len(events) == 0 {
		err = fmt.Errorf("%w: table %s has no such row", ErrNotFound, s.opt.Table)
	}
	var deliveries []DeliveryRow
	if err == nil {
		deliveries, err = s.Deliveries(ctx, id)
	}
	var attempts []AttemptRow
	if err == nil {
		attempts, err = s.attempts(ctx, id)
	}
	if err != nil {
		return Row{}, nil, nil, fmt.Errorf("show event %d: %w", id, err)
	}
	return events[0], deliveries, attempts, nil
}

func (s *Store) rows(ctx context.Context, stmt string, args ...any) ([]Row, error) {
	out := []Row{}
	err := query(s.db.WithContext(ctx), func(rows *sql.Rows) error {
		var r Row
		var reason sql.NullString
		var attempts, maxAttempts sql.NullInt64
		var scheduled, processed, created sql.NullFloat64
		err := rows.Scan(&r.ID, &r.Name, &r.Status, &attempts, &maxAttempts, &reason, &scheduled, &processed, &created, &r.PayloadSize)
		r.Scheduled, r.Processed, r.Created = unix(scheduled), unix(processed), unix(created)
		r.Attempts, r.MaxAttempts, r.Error = int(attempts.Int64), int(maxAttempts.Int64), reason.String
		out = append(out, r)
		return err
	}, stmt, args...)
	return out, err
}

// Deliveries returns the deliveries of one event, by listener.
func (s *Store) Deliveries(ctx context.Context, eventID int64) ([]DeliveryRow, error) {
	out := []DeliveryRow{}
	err := query(s.db.WithContext(ctx), func(rows *sql.Rows) error {
		var d DeliveryRow
		var token, host, reason, externalID, receipts sql.NullString
		err := rows.Scan(&d.Listener, &d.State, &d.Attempts, &d.Lost, &d.Redelivered, &token, &host, &d.Due, &d.Finished, &reason, &externalID, &receipts)
		d.Running, d.Host, d.Error, d.ExternalID = token.Valid, host.String, reason.String, externalID.String
		d.Receipts = strings.Count(receipts.String, `"key":`)
		out = append(out, d)
		return err
	}, `SELECT listener, state, attempts, lost, redelivered, token, host, due_at, finished_at, last_error, external_id, receipts
		FROM event_deliveries WHERE event_id = ? ORDER BY listener`, eventID)
	return out, err
}

func (s *Store) attempts(ctx context.Context, eventID int64) ([]AttemptRow, error) {
	out := []AttemptRow{}
	err := query(s.db.WithContext(ctx), func(rows *sql.Rows) error {
		var a AttemptRow
		var reason sql.NullString
		err := rows.Scan(&a.Listener, &a.Attempt, &a.Outcome, &reason, &a.Host, &a.Finished)
		a.Error = reason.String
		out = append(out, a)
		return err
	}, `SELECT listener, attempt, outcome, error, host, finished_at FROM event_attempts WHERE event_id = ? ORDER BY id`, eventID)
	return out, err
}
