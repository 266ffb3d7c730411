package queue

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/earshot-host/earshot/host/internal/event"
)

// Discarded says what a Discard came to.
type Discarded struct {
	// Events are those that it has changed.
	Events []int64
	// Running counts deliveries that a host holds at this moment; they were
	// left alone.
	Running int
}

// Discard gives up what has not been delivered: it ends dead, with the reason,
// and is not sent again unless a person names its event in a Retry. A listener
// narrows it to that one's deliveries; empty is all. Ids should be at most 500:
// all happens in one transaction.
func (s *Store) Discard(ctx context.Context, ids []int64, listener, reason string) (Discarded, error) {
	var out Discarded
	err := s.write(ctx, func(tx *gorm.DB) error {
		out = Discarded{}
		events, err := s.lockEvents(tx, ids)
		if err != nil {
			return err
		}
		var open, waiting []int64
		for _, ev := range events {
			switch ev.status {
			case "pending":
				waiting = append(waiting, ev.id)
			case "processing", "failed":
				open = append(open, ev.id)
			}
		}
		if listener != "" {
			// Nobody can say yet whether it will be told of these.
			waiting = nil
		}
		reason := clip(discardedPrefix + reason)
		if err := s.giveUp(tx, slices.Concat(open, waiting), listener, reason, &out); err != nil {
			return err
		}
		if listener == "" {
			unrouted, err := s.withoutDeliveries(tx, open)
			if err != nil {
				return err
			}
			waiting = append(waiting, unrouted...)
		}
		out.Events = append(out.Events, waiting...)
		slices.Sort(out.Events)
		out.Events = slices.Compact(out.Events)
		return s.failEvents(tx, waiting, reason)
	})
	if err != nil {
		return Discarded{}, fmt.Errorf("discard %d events: %w", len(ids), err)
	}
	return out, nil
}

// giveUp ends deliveries and brings their events up to date.
func (s *Store) giveUp(tx *gorm.DB, ids []int64, listener, reason string, out *Discarded) error {
	if len(ids) == 0 {
		return nil
	}
	which, args := `event_id IN ? AND state IN ('open', 'dead') AND (last_error IS NULL OR state = 'open' OR last_error NOT LIKE '`+discardedPrefix+`%')`, []any{ids}
	if listener != "" {
		which, args = which+` AND listener = ?`, append(args, listener)
	}
	var deliveries []int64
	var finished []event.Delivery
	err := query(tx, func(rows *sql.Rows) error {
		var d event.Delivery
		var running bool
		var key sql.NullString
		if err := rows.Scan(&d.ID, &d.Event.ID, &d.Listener, &key, &running); err != nil {
			return err
		}
		if running {
			out.Running++
			return nil
		}
		deliveries, out.Events = append(deliveries, d.ID), append(out.Events, d.Event.ID)
		if d.OrderingKey = key.String; d.OrderingKey != "" {
			finished = append(finished, d)
		}
		return nil
	}, `SELECT id, event_id, listener, ordering_key, COALESCE(token IS NOT NULL AND due_at > `+s.now+`, FALSE)
		FROM event_deliveries WHERE `+which+` ORDER BY id`+s.wait, args...)
	if err != nil || len(deliveries) == 0 {
		return err
	}
	err = tx.Exec(`UPDATE event_deliveries SET state = ?, due_at = NULL, token = NULL, last_error = ?, finished_at = `+s.now+` WHERE id IN ?`,
		event.Dead, reason, deliveries).Error
	if err != nil {
		return err
	}
	if err := s.handOver(tx, finished); err != nil {
		return err
	}
	// A roll-up works on events in processing; it ends these failed again.
	err = tx.Exec(`UPDATE `+s.opt.Table+` SET status = 'processing' WHERE id IN ? AND status = 'failed'`, out.Events).Error
	if err != nil {
		return err
	}
	return s.rollUp(tx, slices.Compact(out.Events))
}

// withoutDeliveries returns those events that nobody was ever told of.
func (s *Store) withoutDeliveries(tx *gorm.DB, ids []int64) ([]int64, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var out []int64
	err := query(tx, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		out = append(out, id)
		return err
	}, `SELECT e.id FROM `+s.opt.Table+` AS e WHERE e.id IN ?
		AND NOT EXISTS (SELECT 1 FROM event_deliveries AS d WHERE d.event_id = e.id)
		AND (e.error_message IS NULL OR e.error_message NOT LIKE '`+discardedPrefix+`%') ORDER BY e.id`, ids)
	return out, err
}

func (s *Store) failEvents(tx *gorm.DB, ids []int64, reason string) error {
	if len(ids) == 0 {
		return nil
	}
	return tx.Exec(`UPDATE `+s.opt.Table+` SET status = 'failed', error_message = ?, update_datetime = `+s.queueNow+` WHERE id IN ?`, reason, ids).Error
}
