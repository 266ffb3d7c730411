package queue

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// age of a finished event is since it was finished, as far as its row tells.
const finishedAt = "COALESCE(processed_at, update_datetime, create_datetime)"

// seen is an event as pruning sees it.
type seen struct {
	id int64
	// old enough to be pruned, and finished.
	prunable bool
	// recent says that it was written too lately to be old.
	recent bool
}

// look reads n events from an id on. next is where to go on; zero when there is
// nothing old any more: ids rise with time.
func (s *Store) look(ctx context.Context, status string, age time.Duration, from int64, n int) (ids []int64, next int64, err error) {
	rows, recent := 0, 0
	err = query(s.db.WithContext(ctx), func(r *sql.Rows) error {
		var e seen
		if err := r.Scan(&e.id, &e.prunable, &e.recent); err != nil {
			return err
		}
		if e.prunable {
			ids = append(ids, e.id)
		}
		if e.recent {
			recent++
		}
		rows, next = rows+1, e.id+1
		return nil
	}, `SELECT id, COALESCE(status = ? AND `+finishedAt+` <= `+s.queueLater+`, FALSE), COALESCE(create_datetime > `+s.queueLater+`, FALSE)
		FROM `+s.opt.Table+` WHERE id >= ? ORDER BY id LIMIT ?`, status, s.after(-age), s.after(-age), from, n)
	if rows < n || recent == rows {
		next = 0
	}
	return ids, next, err
}

// Prune deletes finished events of one status, with their deliveries and
// attempts, that were finished age ago or earlier. One call looks at n events
// from an id on, in one short transaction, and returns where to go on; zero
// when it has come to the end of what is old. An event with a delivery that is
// still open is left.
func (s *Store) Prune(ctx context.Context, status string, age time.Duration, from int64, n int) (deleted int, next int64, err error) {
	ids, next, err := s.look(ctx, status, age, from, n)
	if err == nil && len(ids) > 0 {
		deleted, err = s.delete(ctx, status, ids)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("prune %s events from %d on: %w", status, from, err)
	}
	return deleted, next, nil
}

func (s *Store) delete(ctx context.Context, status string, ids []int64) (deleted int, err error) {
	err = s.write(ctx, func(tx *gorm.DB) error {
		deleted = 0
		var gone []int64
		err := query(tx, func(rows *sql.Rows) error {
			var id int64
			err := rows.Scan(&id)
			gone = append(gone, id)
			return err
		}, `SELECT e.id FROM `+s.opt.Table+` AS e WHERE e.id IN ? AND e.status = ?
			AND NOT EXISTS (SELECT 1 FROM event_deliveries AS d WHERE d.event_id = e.id AND d.due_at IS NOT NULL) ORDER BY e.id`+s.wait, ids, status)
		if err != nil || len(gone) == 0 {
			return err
		}
		for _, stmt := range []string{
			`DELETE FROM event_attempts WHERE event_id IN ?`,
			`DELETE FROM event_keys WHERE event_id IN ?`,
			`DELETE FROM event_deliveries WHERE event_id IN ?`,
			`DELETE FROM ` + s.opt.Table + ` WHERE id IN ?`,
		} {
			if err := tx.Exec(stmt, gone).Error; err != nil {
				return err
			}
		}
		deleted = len(gone)
		return nil
	})
	return deleted, err
}

// scrubbed stands in the place of a payload that was taken away.
const scrubbed = "{}"

// Scrub empties the payload of processed events, and who was told, and keeps
// the rest of their rows. It works like Prune.
func (s *Store) Scrub(ctx context.Context, age time.Duration, from int64, n int) (emptied int, next int64, err error) {
	ids, next, err := s.look(ctx, "processed", age, from, n)
	if err == nil && len(ids) > 0 {
		err = s.write(ctx, func(tx *gorm.DB) error {
			res := tx.Exec(`UPDATE `+s.opt.Table+` SET payload = ? WHERE id IN ? AND status = 'processed' AND payload <> ?`, scrubbed, ids, scrubbed)
			emptied = int(res.RowsAffected)
			if res.Error != nil || emptied == 0 {
				return res.Error
			}
			return tx.Exec(`UPDATE event_deliveries SET receipts = NULL WHERE event_id IN ? AND due_at IS NULL AND receipts IS NOT NULL`, ids).Error
		})
	}
	if err != nil {
		return 0, 0, fmt.Errorf("scrub events from %d on: %w", from, err)
	}
	return emptied, next, nil
}

// PruneOrphans deletes finished deliveries, with their attempts, whose events
// the application has deleted. One call looks at the deliveries of n events
// from an id on; next is zero once it has met none that is orphaned, since
// applications delete the oldest first.
func (s *Store) PruneOrphans(ctx context.Context, from int64, n int) (deleted int, next int64, err error) {
	var orphans []int64
	looked := 0
	err = query(s.db.WithContext(ctx), func(rows *sql.Rows) error {
		var id int64
		var gone bool
		if err := rows.Scan(&id, &gone); err != nil {
			return err
		}
		if gone {
			orphans = append(orphans, id)
		}
		looked, next = looked+1, id+1
		return nil
	}, `SELECT d.event_id, MAX(CASE WHEN e.id IS NULL THEN 1 ELSE 0 END) = 1 AND COUNT(d.due_at) = 0
		FROM (SELECT event_id, due_at FROM event_deliveries WHERE event_id >= ? ORDER BY event_id LIMIT ?) AS d
		LEFT JOIN `+s.opt.Table+` AS e ON e.id = d.event_id GROUP BY d.event_id ORDER BY d.event_id`, from, n)
	if err == nil && len(orphans) > 0 {
		err = s.write(ctx, func(tx *gorm.DB) error {
			for _, table := range []string{"event_attempts", "event_keys"} {
				if err := tx.Exec(`DELETE FROM `+table+` WHERE event_id IN ?`, orphans).Error; err != nil {
					return err
				}
			}
			res := tx.Exec(`DELETE FROM event_deliveries WHERE event_id IN ? AND due_at IS NULL`, orphans)
			deleted = int(res.RowsAffected)
			return res.Error
		})
	}
	if err != nil {
		return 0, 0, fmt.Errorf("prune deliveries without an event: %w", err)
	}
	if len(orphans) == 0 {
		next = 0
	}
	return deleted, next, nil
}
