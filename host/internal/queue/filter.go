package queue

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"
)

// Filter picks events. Zero values pick all; what is set must all hold, and of
// a list one is enough.
type Filter struct {
	IDs []int64
	// From and To bound the id, both included; zero is no bound.
	From, To int64
	Status   []string
	// Event names; one that ends in * stands for all that begin so.
	Event []string
	// Listener picks events that one of these was told of, State those with a
	// delivery in one of these states; with both, one delivery must be both.
	Listener []string
	State    []string
	// Since and Until bound when the application wrote the event.
	Since, Until time.Time
	// Error is part of the event's error, whatever the case of letters. Without
	// a Status it takes the two in which events have one: processing and failed.
	Error string
	// Match compares fields of the payload.
	Match []Match
	// Undiscarded leaves out events of which nothing is left but what a person
	// gave up.
	Undiscarded bool
	// Limit of zero is 50 for List; Find has none.
	Limit int
	// Before picks ids below it: the next page of List.
	Before int64
}

// Match wants one field of the payload to have a value.
type Match struct {
	// Path is dotted: customer.email.
	Path string
	// Value is compared with a text as it is, and with a number or true, false
	// and null as they are written.
	Value string
}

// condition is the filter as SQL over the events table, called e.
type condition struct {
	where []string
	args  []any
	// narrow says that an index leads to few rows: they are better sorted than
	// looked for along the primary key.
	narrow bool
}

func (c *condition) and(clause string, args ...any) {
	c.where, c.args = append(c.where, clause), append(c.args, args...)
}

func (s *Store) condition(ctx context.Context, f Filter) (condition, error) {
	c := condition{where: []string{"1 = 1"}}
	if len(f.IDs) > 0 {
		c.and("e.id IN ?", f.IDs)
		c.narrow = true
	}
	if f.From > 0 {
		c.and("e.id >= ?", f.From)
	}
	if f.To > 0 {
		c.and("e.id <= ?", f.To)
	}
	if f.Before > 0 {
		c.and("e.id < ?", f.Before)
	}
	if len(f.Status) == 0 && f.Error != "" {
		f.Status = []string{"processing", "failed"}
	}
	if len(f.Status) > 0 {
		c.and("e.status IN ?", f.Status)
		// Nearly all events of a big table are processed.
		c.narrow = c.narrow || !slices.Contains(f.Status, "processed")
	}
	if len(f.Event) > 0 {
		c.names(f.Event)
	}
	if !f.Since.IsZero() {
		c.and("e.create_datetime >= "+s.queueLater, s.after(time.Until(f.Since)))
	}
	if !f.Until.IsZero() {
		c.and("e.create_datetime < "+s.queueLater, s.after(time.Until(f.Until)))
	}
	if f.Error != "" {
		c.and("e.error_message LIKE ? ESCAPE '!'", "%"+like(f.Error)+"%")
	}
	if f.Undiscarded {
		c.and(`(e.error_message IS NULL OR e.error_message NOT LIKE '` + discardedPrefix + `%' AND (e.error_message NOT LIKE '%: ` + discardedPrefix + `%'
			OR EXISTS (SELECT 1 FROM event_deliveries AS d WHERE d.event_id = e.id AND d.state IN ('open', 'dead') AND (d.last_error IS NULL OR d.last_error NOT LIKE '` + discardedPrefix + `%'))))`)
	}
	for _, m := range f.Match {
		// Only a first sieve: a value may also stand there with \u escapes.
		if !strings.ContainsFunc(m.Value, escaped) {
			c.and(`(e.payload LIKE ? ESCAPE '!' OR e.payload LIKE ? ESCAPE '!')`, "%"+like(m.Value)+"%", `%\u%`)
		}
	}
	if len(f.Listener) > 0 || len(f.State) > 0 {
		if err := s.deliveryCondition(ctx, f, &c); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (c *condition) names(patterns []string) {
	var either []string
	for _, p := range patterns {
		if prefix, wild := strings.CutSuffix(p, "*"); wild {
			either = append(either, "e.event_name LIKE ? ESCAPE '!'")
			c.args = append(c.args, like(prefix)+"%")
		} else {
			either = append(either, "e.event_name = ?")
			c.args = append(c.args, p)
		}
	}
	c.where = append(c.where, "("+strings.Join(either, " OR ")+")")
}

func (s *Store) deliveryCondition(ctx context.Context, f Filter, c *condition) error {
	var where []string
	var args []any
	if len(f.Listener) > 0 {
		where, args = append(where, "d.listener IN ?"), append(args, f.Listener)
	}
	if len(f.State) > 0 {
		where, args = append(where, "d.state IN ?"), append(args, f.State)
	}
	which := strings.Join(where, " AND ")
	if len(f.Listener) > 0 && !c.narrow {
		var n int
		err := query(s.db.WithContext(ctx), func(rows *sql.Rows) error { return rows.Scan(&n) },
			`SELECT COUNT(*) FROM (SELECT 1 FROM event_deliveries AS d WHERE d.listener IN ? LIMIT ?) AS few`, f.Listener, MaxCount)
		if err != nil {
			return err
		}
		c.narrow = n < MaxCount
	}
	if c.narrow && len(f.Listener) > 0 {
		c.and("e.id IN (SELECT d.event_id FROM event_deliveries AS d WHERE "+which+")", args...)
		return nil
	}
	c.and("EXISTS (SELECT 1 FROM event_deliveries AS d WHERE d.event_id = e.id AND "+which+")", args...)
	return nil
}

// like makes text a literal within a LIKE whose escape is "!".
func like(text string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text)
}

// escaped tells characters that JSON may write as a short escape.
func escaped(r rune) bool {
	return r < ' ' || r == '"' || r == '\\' || r == '/'
}
