package queue

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/earshot-host/earshot/host/internal/event"
)

// Due asks where there is work, in one statement that locks nothing: it is all
// that an idle host costs its database.
func (s *Store) Due(ctx context.Context, listeners []string) (event.Due, error) {
	due := event.Due{Listeners: make(map[string]event.DueListener, len(listeners))}
	var b strings.Builder
	b.WriteString(`SELECT EXISTS(SELECT 1 FROM ` + s.opt.Table + ` WHERE status = 'pending' AND (scheduled_at IS NULL OR scheduled_at <= ` + s.queueNow + `))`)
	args := make([]any, 0, 2*len(listeners))
	for _, name := range listeners {
		b.WriteString(`, EXISTS(SELECT 1 FROM event_deliveries WHERE listener = ? AND due_at <= ` + s.now + `)` +
			`, (SELECT CASE WHEN paused_at IS NOT NULL OR held_until > ` + s.now + ` THEN 2 WHEN holds > 0 THEN 1 END FROM event_listeners WHERE listener = ?)`)
		args = append(args, name, name)
	}
	flags := make([]sql.NullInt64, 1+2*len(listeners))
	into := make([]any, len(flags))
	for i := range flags {
		into[i] = &flags[i]
	}
	err := query(s.db.WithContext(ctx), func(rows *sql.Rows) error { return rows.Scan(into...) }, b.String(), args...)
	if err != nil {
		return event.Due{}, fmt.Errorf("look for due events: %w", err)
	}
	due.Events = flags[0].Int64 == 1
	for i, name := range listeners {
		l := event.DueListener{Due: flags[1+2*i].Int64 == 1, Held: flags[2+2*i].Int64 == 2, Probing: flags[2+2*i].Int64 == 1}
		if l != (event.DueListener{}) {
			due.Listeners[name] = l
		}
	}
	return due, nil
}
