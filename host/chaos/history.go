package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/earshot-host/earshot/host/chaos/check"
	"github.com/earshot-host/earshot/host/chaos/ledger"
)

// maxLost is the product's limit: see event.MaxLost.
const maxLost = 3

// history gathers all records of a run.
func (r *rig) history(ctx context.Context, p *producer, o *observer) (*check.History, error) {
	h := &check.History{
		Rows: make(map[int64]check.Row), Ordered: ordered, Seen: o.seen, Faults: r.journal.all(), MaxLost: maxLost,
	}
	var err error
	if h.Calls, err = ledger.Read(r.path("ledger")); err != nil {
		return nil, err
	}
	if err := r.readEvents(ctx, h, p); err != nil {
		return nil, fmt.Errorf("read the queue: %w", err)
	}
	err = r.each(ctx, func(rows *sql.Rows) error {
		var d check.Delivery
		err := rows.Scan(&d.Event, &d.Listener, &d.State, &d.Attempts, &d.Lost, &d.Open)
		h.Deliveries = append(h.Deliveries, d)
		return err
	}, `SELECT event_id, listener, state, attempts, lost, due_at IS NOT NULL OR token IS NOT NULL FROM event_deliveries`)
	if err != nil {
		return nil, fmt.Errorf("read the deliveries: %w", err)
	}
	return h, nil
}

// readEvents finds what the producer has made by its serial numbers.
func (r *rig) readEvents(ctx context.Context, h *check.History, p *producer) error {
	bySerial := make(map[string]check.Event)
	listeners := make(map[string][]string)
	for _, rt := range routes {
		listeners[rt.name] = rt.listeners
	}
	err := r.each(ctx, func(rows *sql.Rows) error {
		var ev check.Event
		var row check.Row
		var name string
		var payload []byte
		if err := rows.Scan(&ev.ID, &name, &payload, &row.Status, &row.Attempts); err != nil {
			return err
		}
		var said struct {
			Serial      string `json:"serial"`
			Appointment struct {
				ID string `json:"id"`
			} `json:"appointment"`
		}
		if err := json.Unmarshal(payload, &said); err != nil {
			return err
		}
		ev.Key, ev.Listeners, ev.MaxAttempts = said.Appointment.ID, listeners[name], maxAttempts
		bySerial[said.Serial], h.Rows[ev.ID] = ev, row
		return nil
	}, `SELECT id, event_name, payload, status, attempts FROM event_queue ORDER BY id`)
	if err != nil {
		return err
	}
	for _, serial := range p.serials {
		switch ev, ok := bySerial[serial]; {
		case ok:
			h.Events = append(h.Events, ev)
		case p.committed[serial]:
			h.Missing = append(h.Missing, serial)
		}
	}
	return nil
}

func (r *rig) each(ctx context.Context, scan func(*sql.Rows) error, query string) error {
	rows, err := r.queue.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
