package queue

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"github.com/earshot-host/earshot/host/internal/event"
)

// Due asks where there is work, in one statement that locks nothing: it is all
// that an idle host costs its database.
func (s *Store) Due(ctx context.Context, listeners []string) (event.Due, error) {
	due := event.Due{Listeners: make(map[string]bool), Held: make(map[string]bool)}
	var b strings.Builder
	b.WriteString(`SELECT EXISTS(SELECT 1 FROM ` + s.opt.Table + ` WHERE status = 'pending' AND (scheduled_at IS NULL OR scheduled_at <= ` + s.queueNow + `))`)
	args := make([]any, 0, 2*len(listeners))
	for _, name := range listeners {
		b.WriteString(`, EXISTS(SELECT 1 FROM event_deliveries WHERE listener = ? AND due_at <= ` + s.now + `)` +
			`, EXISTS(SELECT 1 FROM event_listeners WHERE listener = ? AND held_until > ` + s.now + `)`)
		args = append(args, name, name)
	}
	flags := make([]bool, 1+2*len(listeners))
	into := make([]any, len(flags))
	for i := range flags {
		into[i] = &flags[i]
	}
	err := query(s.db.WithContext(ctx), func(rows *sql.Rows) error { return rows.Scan(into...) }, b.String(), args...)
	if err != nil {
		return event.Due{}, fmt.Errorf("look for due events: %w", err)
	}
	due.Events = flags[0]
	for i, name := range listeners {
		due.Listeners[name], due.Held[name] = flags[1+2*i], flags[2+2*i]
	}
	return due, nil
}

// hold leaves a listener alone on all hosts until now plus settlement's wait.
func (s *Store) hold(tx *gorm.DB, h event.Settled) error {
	return tx.Exec(`INSERT INTO event_listeners (listener, held_until, reason, updated_at) VALUES (?, `+s.later+`, ?, `+s.now+`)`+s.upsert,
		h.Delivery.Listener, s.after(h.DueIn), clip(h.Error)).Error
}
