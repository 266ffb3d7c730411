// Package queue keeps the tables: the application's event_queue and Earshot's
// own deliveries. It is the only package that speaks SQL to them, and it knows
// nothing of listeners beyond their names.
//
// One event walks through its files in this order: claim.go takes it, layout.go
// lays out its deliveries, take.go leases those that could not be delivered at
// once (order.go and rate.go say which may go), renew.go keeps the leases
// alive, record.go writes what became of each delivery, hold.go what that means
// for the listener, rollup.go what it means for the event.
package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// ErrSchema says that a table or column is missing; the message says which and
// what to do.
var ErrSchema = errors.New("database schema")

// ErrUnreachable says that the database did not answer.
var ErrUnreachable = errors.New("database unreachable")

// ErrNotFound says that there is no event with that id.
var ErrNotFound = errors.New("not found")

// DefaultTable is the name of the queue when Earshot makes it itself.
const DefaultTable = "event_queue"

// Options of a Store. Zero values are the defaults.
type Options struct {
	// Driver is "mysql" or "sqlite".
	Driver string
	// DSN is go-sql-driver's form for mysql, a file name for sqlite.
	DSN string
	// Table is the application's queue; empty is DefaultTable.
	Table string
	// Host names this host in leases; empty is "host".
	Host string
	// Lease is how long a claim holds without renewal; zero is 60 s.
	Lease time.Duration
	// MaxPayload is the largest payload that is read, in bytes; zero is 1 MiB.
	MaxPayload int64
}

// Store is the queue in a database. It is safe for concurrent use.
type Store struct {
	db  *gorm.DB
	sql *sql.DB
	opt Options
	dialect
	conflicts atomic.Int64

	mu   sync.Mutex
	lock *string // nil until claimLock has found it
}

// Open connects to the database. It does not make or check tables: see Check.
// An unreachable database is ErrUnreachable.
func Open(ctx context.Context, opt Options) (*Store, error) {
	if opt.Table == "" {
		opt.Table = DefaultTable
	}
	if opt.Host == "" {
		opt.Host = "host"
	}
	if opt.Lease == 0 {
		opt.Lease = time.Minute
	}
	if opt.MaxPayload == 0 {
		opt.MaxPayload = 1 << 20
	}
	if !plainName(opt.Table) {
		return nil, fmt.Errorf("open queue: table name %q may hold only letters, digits and _", opt.Table)
	}
	open := openMySQL
	if opt.Driver == "sqlite" {
		open = openSQLite
	}
	pool, gormDialector, d, err := open(ctx, opt.DSN)
	if err != nil {
		return nil, err
	}
	db, err := gorm.Open(gormDialector, &gorm.Config{
		Logger:                 logger.Discard,
		SkipDefaultTransaction: true,
		DisableAutomaticPing:   true,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open queue: %w", err), pool.Close())
	}
	return &Store{db: db, sql: pool, opt: opt, dialect: d}, nil
}

// SQL returns the connection pool, for migrations.
func (s *Store) SQL() *sql.DB { return s.sql }

// Close closes the connections.
func (s *Store) Close() error { return s.sql.Close() }

// Adopted reports whether the queue is a table of the application's own making.
func (s *Store) Adopted() bool { return s.opt.Table != DefaultTable }

// query runs a statement and calls scan for each row.
func query(db *gorm.DB, scan func(*sql.Rows) error, stmt string, args ...any) error {
	rows, err := db.Raw(stmt, args...).Rows()
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

// plainName guards what is put into statements as it is.
func plainName(name string) bool {
	for _, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (r < '0' || r > '9') && r != '_' {
			return false
		}
	}
	return name != "" && len(name) <= 64
}
