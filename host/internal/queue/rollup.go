package queue

import (
	"database/sql"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/earshot-host/earshot/host/internal/event"
)

// tally counts the deliveries of one event.
type tally struct {
	id       int64
	open     int
	dead     int
	attempts int
	// failing counts deliveries that have an error to show.
	failing int
}

// rollUp brings events up to date with their deliveries. It locks the events
// first: of two hosts that finish the last two deliveries at once, the second
// then sees what the first has written.
func (s *Store) rollUp(tx *gorm.DB, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	if err := s.holdEvents(tx, ids); err != nil {
		return err
	}
	var tallies []tally
	err := query(tx, func(rows *sql.Rows) error {
		var t tally
		err := rows.Scan(&t.id, &t.open, &t.dead, &t.attempts, &t.failing)
		tallies = append(tallies, t)
		return err
	}, `SELECT event_id, COUNT(CASE WHEN state = 'open' THEN 1 END), COUNT(CASE WHEN state = 'dead' THEN 1 END), MAX(attempts),
			COUNT(CASE WHEN last_error IS NOT NULL AND state IN ('open', 'dead') THEN 1 END)
		FROM event_deliveries WHERE event_id IN ? GROUP BY event_id`, ids)
	if err != nil {
		return err
	}
	processed := make(map[int][]int64)
	for _, t := range tallies {
		switch {
		case t.open == 0 && t.dead == 0:
			processed[t.attempts] = append(processed[t.attempts], t.id)
		case t.failing > 0:
			if err := s.showFailure(tx, t); err != nil {
				return err
			}
		}
	}
	for attempts, ids := range processed {
		err := tx.Exec(`UPDATE `+s.opt.Table+` SET status = 'processed', attempts = ?, error_message = NULL,
				processed_at = `+s.queueNow+`, update_datetime = `+s.queueNow+`
			WHERE id IN ? AND status = 'processing'`, attempts, ids).Error
		if err != nil {
			return err
		}
	}
	return nil
}

// holdEvents keeps others from rolling up the same events until tx ends.
//
// Between the nodes of a cluster no lock does that, only a write does: of two
// that finish the last two deliveries at once, one then fails at its commit and
// tries again. The write must change the row, also where the column holds whole
// seconds and was written within this one.
func (s *Store) holdEvents(tx *gorm.DB, ids []int64) error {
	if !s.replicated {
		return query(tx, func(*sql.Rows) error { return nil }, `SELECT id FROM `+s.opt.Table+` WHERE id IN ? ORDER BY id`+s.wait, ids)
	}
	return tx.Exec(`UPDATE `+s.opt.Table+` SET update_datetime = CASE
			WHEN update_datetime > `+s.queueNow+` - INTERVAL 1 SECOND THEN update_datetime + INTERVAL 1 SECOND ELSE `+s.queueNow+` END
		WHERE id IN ? AND status = 'processing' ORDER BY id`, ids).Error
}

// showFailure writes on the event which listeners have not delivered and why;
// it ends failed once nothing is open.
func (s *Store) showFailure(tx *gorm.DB, t tally) error {
	var dead, open []string
	err := query(tx, func(rows *sql.Rows) error {
		var listener, reason string
		var state event.State
		err := rows.Scan(&listener, &state, &reason)
		if state == event.Open {
			open = append(open, listener+": "+reason+" (will be tried again)")
		} else {
			dead = append(dead, listener+": "+reason)
		}
		return err
	}, `SELECT listener, state, last_error FROM event_deliveries
		WHERE event_id = ? AND last_error IS NOT NULL AND state IN ('open', 'dead')`, t.id)
	if err != nil {
		return err
	}
	slices.Sort(dead)
	slices.Sort(open)
	status := "processing"
	if t.open == 0 {
		status = "failed"
	}
	return tx.Exec(`UPDATE `+s.opt.Table+` SET status = ?, attempts = ?, error_message = ?, update_datetime = `+s.queueNow+`
		WHERE id = ? AND status = 'processing'`, status, t.attempts, clip(strings.Join(slices.Concat(dead, open), "; ")), t.id).Error
}
