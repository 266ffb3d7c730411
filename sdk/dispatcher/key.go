package dispatcher

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"unicode/utf8"
)

// inTx runs fn in conn's own transaction, or in a new one if conn is none.
func (d *Dispatcher) inTx(ctx context.Context, conn Conn, fn func(Conn) (Dispatched, error)) (Dispatched, error) {
	beginner, ok := conn.(interface {
		BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
	})
	if !ok {
		return fn(conn)
	}
	tx, err := beginner.BeginTx(ctx, nil)
	if err != nil {
		return Dispatched{}, err
	}
	out, err := fn(tx)
	if err != nil {
		return Dispatched{}, errors.Join(err, tx.Rollback())
	}
	return out, tx.Commit()
}

// insertOnce takes the key, which makes a second producer wait for the first
// one's commit, and then writes the event.
func (d *Dispatcher) insertOnce(ctx context.Context, tx Conn, name string, body []byte, o options) (Dispatched, error) {
	if utf8.RuneCountInString(o.key) > 191 {
		return Dispatched{}, errors.New("the key has more than 191 characters")
	}
	stmt := `INSERT INTO event_keys (dedup_key, created_at) VALUES (?, UTC_TIMESTAMP(6)) ON DUPLICATE KEY UPDATE event_id = event_id`
	if d.opt.Dialect == SQLite {
		now, _ := d.clock()
		stmt = `INSERT INTO event_keys (dedup_key, created_at) VALUES (?, ` + now + `) ON CONFLICT (dedup_key) DO NOTHING`
	}
	res, err := tx.ExecContext(ctx, stmt, o.key)
	if err != nil {
		return Dispatched{}, fmt.Errorf("take the key: %w", err)
	}
	// A found row counts as affected where the driver was asked for
	// clientFoundRows: the event id tells for sure.
	var id int64
	if err := tx.QueryRowContext(ctx, `SELECT event_id FROM event_keys WHERE dedup_key = ?`, o.key).Scan(&id); err != nil {
		return Dispatched{}, fmt.Errorf("read the key: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 || id != 0 {
		return Dispatched{ID: id, Duplicate: true}, err
	}
	if id, err = d.insert(ctx, tx, name, body, o.delay); err != nil {
		return Dispatched{}, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE event_keys SET event_id = ? WHERE dedup_key = ?`, id, o.key)
	return Dispatched{ID: id}, err
}
