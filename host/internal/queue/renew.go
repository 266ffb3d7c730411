package queue

import (
	"context"
	"database/sql"
	"fmt"

	"gorm.io/gorm"

	"github.com/earshot-host/earshot/host/internal/event"
)

// Renew extends the leases of held deliveries and returns the ids of those that
// are no longer ours: their calls must be given up.
func (s *Store) Renew(ctx context.Context, held []event.Delivery) (lost []int64, err error) {
	ids := make([]int64, len(held))
	tokens := make(map[int64]string, len(held))
	distinct := make(map[string]bool)
	for i, d := range held {
		ids[i], tokens[d.ID] = d.ID, d.Token
		distinct[d.Token] = true
	}
	list := make([]string, 0, len(distinct))
	for t := range distinct {
		list = append(list, t)
	}
	err = s.write(ctx, func(tx *gorm.DB) error {
		lost = nil
		// All these tokens are this host's, so a pair that does not match can
		// only lengthen another lease of its own.
		res := tx.Exec(`UPDATE event_deliveries SET due_at = `+s.later+` WHERE id IN ? AND token IN ?`, s.after(s.opt.Lease), ids, list)
		if res.Error != nil {
			return res.Error
		}
		current := make(map[int64]string, len(ids))
		err := query(tx, func(rows *sql.Rows) error {
			var id int64
			var token sql.NullString
			err := rows.Scan(&id, &token)
			current[id] = token.String
			return err
		}, `SELECT id, token FROM event_deliveries WHERE id IN ?`, ids)
		for _, id := range ids {
			if current[id] != tokens[id] {
				lost = append(lost, id)
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("renew %d leases: %w", len(held), err)
	}
	return lost, nil
}
