package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/earshot-host/earshot/host/internal/queue"
)

// schema reports on the tables; false if the rest cannot be looked at.
func (d *exam) schema(ctx context.Context) bool {
	columns, err := d.Store.Columns(ctx)
	if err != nil {
		d.fail(Schema, "queue", err.Error(), "")
		return false
	}
	if len(columns) == 0 {
		d.noQueue(ctx)
		return false
	}
	if d.Missing != nil {
		missing, err := d.Missing(ctx)
		switch {
		case err != nil:
			d.fail(Schema, "migrations", err.Error(), "run: earshot migrate up")
		case len(missing) > 0:
			d.fail(Schema, "migrations", "not applied: "+strings.Join(missing, ", "), "run: earshot migrate up")
		default:
			d.ok(Schema, "migrations", "all are applied")
		}
	}
	if err := d.Store.Check(ctx); err != nil {
		fix := "run: earshot migrate up"
		if !errors.Is(err, queue.ErrSchema) {
			fix = ""
		}
		d.fail(Schema, "tables", err.Error(), fix)
		return false
	}
	d.ok(Schema, "tables", "all tables and columns are there")
	d.columns(columns)
	return true
}

// noQueue reports that the queue is missing, and which table may be meant.
func (d *exam) noQueue(ctx context.Context) {
	table := "event_queue"
	if d.Settings != nil && d.Settings.Database.QueueTable != "" {
		table = d.Settings.Database.QueueTable
	}
	fix := "run: earshot migrate up"
	if found, err := d.Store.QueueTables(ctx); err == nil && len(found) > 0 {
		fix = fmt.Sprintf("the database has %s; set database.queue_table to it", strings.Join(found, ", "))
	}
	d.fail(Schema, "queue", "there is no table "+table, fix)
}

// columns reports types that lose something.
func (d *exam) columns(columns []queue.Column) {
	for _, c := range columns {
		switch {
		case c.Name == "payload" && (c.Type == "text" || strings.HasPrefix(c.Type, "varchar")) && d.Settings != nil && d.Settings.Database.Driver == "mysql":
			d.warn(Schema, "payload", "its column is "+c.Type+", which holds 65,535 bytes at most", "make it LONGTEXT if payloads grow; Earshot needs no change for it")
		case c.Name == "status" && strings.HasPrefix(c.Type, "enum("):
			for _, status := range queue.Statuses() {
				if !strings.Contains(c.Type, "'"+status+"'") {
					d.fail(Schema, "status", "the column does not know '"+status+"': it is "+c.Type, "add it: Earshot writes pending, processing, processed and failed")
				}
			}
		}
	}
}
