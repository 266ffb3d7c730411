package queue

import (
	"database/sql"
	"time"

	"gorm.io/gorm"
)

// lockRate keeps the listener's rate for this transaction and returns how far
// ahead of the clock it has been used up.
func (s *Store) lockRate(tx *gorm.DB, listener string) (ahead time.Duration, err error) {
	if err := s.ensureListener(tx, listener); err != nil {
		return 0, err
	}
	var micros sql.NullInt64
	err = query(tx, func(rows *sql.Rows) error { return rows.Scan(&micros) },
		`SELECT `+s.age(s.now, "rate_next")+` FROM event_listeners WHERE listener = ?`+s.wait, listener)
	return time.Duration(micros.Int64) * time.Microsecond, err
}

func (s *Store) spendRate(tx *gorm.DB, listener string, ahead time.Duration) error {
	return tx.Exec(`UPDATE event_listeners SET rate_next = `+s.later+` WHERE listener = ?`, s.after(ahead), listener).Error
}
