package queue

import (
	"database/sql"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/earshot-host/earshot/host/internal/event"
)

// layout is the deliveries that a claim makes.
type layout struct {
	events []int64
	rows   []planned
	// leased says that at least one of them is this host's at once.
	leased bool
}

// planned is one row of event_deliveries to be laid out.
type planned struct {
	eventID int64
	// written is when the application says that it wrote the event.
	written sql.NullString
	event.Target
}

func (l *layout) add(eventID int64, written sql.NullString, targets []event.Target) {
	l.events = append(l.events, eventID)
	for _, t := range targets {
		l.rows = append(l.rows, planned{eventID, written, t})
		l.leased = l.leased || t.Lease
	}
}

// layOut inserts the deliveries. Rows that exist belong to an event that was
// set to pending again: what was delivered stays so, what was dead is reopened.
func (s *Store) layOut(tx *gorm.DB, l layout, token string) error {
	inserted, err := s.insertAll(tx, l.rows, token)
	if err != nil || inserted == len(l.rows) {
		return err
	}
	namesakes, err := s.dropNamesakes(tx, l.events)
	if err != nil {
		return err
	}
	again := slices.DeleteFunc(slices.Clone(l.rows), func(r planned) bool { return !slices.Contains(namesakes, r.eventID) })
	if _, err := s.insertAll(tx, again, token); err != nil {
		return err
	}
	byListener := make(map[string][]int64)
	for _, r := range l.rows {
		byListener[r.Listener] = append(byListener[r.Listener], r.eventID)
	}
	for listener, eventIDs := range byListener {
		err := tx.Exec(`UPDATE event_deliveries SET state = ?, due_at = `+s.now+`, token = NULL, attempts = 0, lost = 0, redelivered = FALSE, finished_at = NULL
			WHERE listener = ? AND event_id IN ? AND state = ?`, event.Open, listener, eventIDs, event.Dead).Error
		if err != nil {
			return err
		}
	}
	return s.rollUp(tx, l.events)
}

// dropNamesakes removes the deliveries of earlier events that had the same ids:
// a table that has been emptied may count from 1 again, and what an old event's
// listeners were told must not stand for the new one's. Both times come from the
// same column, so that no clock or zone matters.
func (s *Store) dropNamesakes(tx *gorm.DB, events []int64) (ids []int64, err error) {
	err = query(tx, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	}, `SELECT DISTINCT e.id FROM `+s.opt.Table+` AS e JOIN event_deliveries AS d ON d.event_id = e.id
		WHERE e.id IN ? AND d.written <> CAST(e.create_datetime AS CHAR)`, events)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	for _, table := range []string{"event_deliveries", "event_attempts"} {
		if err := tx.Exec(`DELETE FROM `+table+` WHERE event_id IN ?`, ids).Error; err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func (s *Store) insertAll(tx *gorm.DB, rows []planned, token string) (int, error) {
	var inserted int64
	// SQLite takes 32,766 parameters in a statement.
	for part := range slices.Chunk(rows, 4000) {
		n, err := s.insertDeliveries(tx, part, token)
		if err != nil {
			return 0, err
		}
		inserted += n
	}
	return int(inserted), nil
}

func (s *Store) insertDeliveries(tx *gorm.DB, rows []planned, token string) (int64, error) {
	var b strings.Builder
	b.Grow(100 + 80*len(rows))
	b.WriteString("INSERT INTO event_deliveries (event_id, listener, state, due_at, token, host, ordering_key, written, created_at) VALUES ")
	args := make([]any, 0, 7*len(rows))
	for i, r := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		args = append(args, r.eventID, r.Listener)
		if r.Lease {
			b.WriteString("(?, ?, 'open', " + s.later + ", ?, ?, ?, ?, " + s.now + ")")
			args = append(args, s.after(s.opt.Lease), token, s.opt.Host)
		} else {
			b.WriteString("(?, ?, 'open', " + s.now + ", NULL, NULL, ?, ?, " + s.now + ")")
		}
		args = append(args, null(clipTo(r.OrderingKey, 191)), r.written)
	}
	b.WriteString(s.ignore)
	res := tx.Exec(b.String(), args...)
	return res.RowsAffected, res.Error
}

func null(text string) sql.NullString { return sql.NullString{String: text, Valid: text != ""} }
