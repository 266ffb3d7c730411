package queue

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/go-sql-driver/mysql"
	gormmysql "gorm.io/driver/mysql"
	"gorm.io/gorm"
)

// Numbers of the server's errors: https://mariadb.com/docs/server/reference/error-codes
const (
	errSyntax        = 1064
	errNoSuchColumn  = 1054
	errNoSuchTable   = 1146
	errUnknownSchema = 1049
)

// conflicts say that another transaction was in the way: deadlock (on Galera
// also at COMMIT: another node won), lock wait, changed since read, lock not free.
var conflicts = []uint16{1213, 1205, 1020, 3572}

// outages say "not now": server going away, read-only after a failover, too
// many connections, a Galera node that is not ready.
var outages = []uint16{1053, 2006, 2013, 1290, 1836, 1040, 1203, 1047, 1927}

func openMySQL(ctx context.Context, dsn string) (*sql.DB, gorm.Dialector, dialect, error) {
	fail := func(err error) (*sql.DB, gorm.Dialector, dialect, error) {
		return nil, nil, dialect{}, fmt.Errorf("open MySQL: %w", err)
	}
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return fail(errors.New("the DSN cannot be read; it looks like user:password@tcp(127.0.0.1:3306)/database"))
	}
	if cfg.DBName == "" {
		return fail(errors.New("the DSN names no database; it looks like user:password@tcp(127.0.0.1:3306)/database"))
	}
	cfg.ParseTime = true
	cfg.Loc = time.UTC
	// One round trip for a statement instead of three.
	cfg.InterpolateParams = true
	cfg.RejectReadOnly = true
	cfg.MultiStatements = false
	if cfg.Timeout == 0 {
		cfg.Timeout = 5 * time.Second
	}
	if cfg.ReadTimeout == 0 {
		cfg.ReadTimeout = 30 * time.Second
	}
	if cfg.WriteTimeout == 0 {
		cfg.WriteTimeout = 30 * time.Second
	}
	cfg.Logger = &mysql.NopLogger{}
	base, err := mysql.NewConnector(cfg)
	if err != nil {
		return fail(err)
	}
	pool := sql.OpenDB(readCommitted{base})
	pool.SetMaxOpenConns(8)
	pool.SetMaxIdleConns(8)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	if err := pool.PingContext(ctx); err != nil {
		return fail(errors.Join(unreachable(cfg, err), pool.Close()))
	}
	d := mysqlDialect()
	if d.replicated, err = replicated(ctx, pool); err != nil {
		return fail(errors.Join(err, pool.Close()))
	}
	return pool, gormmysql.New(gormmysql.Config{Conn: pool, SkipInitializeWithVersion: true}), d, nil
}

// replicated reports whether the server is a node of a Galera cluster or of
// MySQL's group replication. Other servers do not have these variables, or
// have them off.
func replicated(ctx context.Context, pool *sql.DB) (bool, error) {
	rows, err := pool.QueryContext(ctx, `SHOW VARIABLES WHERE Variable_name IN ('wsrep_on', 'group_replication_group_name') AND Value NOT IN ('', 'OFF')`)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	found := rows.Next()
	return found, rows.Err()
}

func mysqlDialect() dialect {
	return dialect{
		name:           "mysql",
		now:            "UTC_TIMESTAMP(6)",
		queueNow:       "NOW(6)",
		later:          "UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND",
		after:          func(d time.Duration) any { return d.Microseconds() },
		queueLater:     "NOW(6) + INTERVAL ? MICROSECOND",
		lastID:         "LAST_INSERT_ID()",
		age:            func(from, to string) string { return "TIMESTAMPDIFF(MICROSECOND, " + from + ", " + to + ")" },
		skip:           " FOR UPDATE SKIP LOCKED",
		wait:           " FOR UPDATE",
		ignore:         " ON DUPLICATE KEY UPDATE id = id",
		ignoreListener: " ON DUPLICATE KEY UPDATE listener = listener",
		conflict:       func(err error) bool { return isNumber(err, conflicts...) },
		severed:        severed,
		transient: func(err error) bool {
			return isNumber(err, conflicts...) || isNumber(err, outages...) || severed(err)
		},
		unknown: func(err error) bool { return isNumber(err, errSyntax) },
		missing: func(err error) bool { return isNumber(err, errNoSuchTable) || isNumber(err, errNoSuchColumn) },
	}
}

// unreachable says in a sentence why there is no connection, without the password.
func unreachable(cfg *mysql.Config, err error) error {
	where := fmt.Sprintf("%s(%s)", cfg.Net, cfg.Addr)
	var e *mysql.MySQLError
	switch {
	case errors.As(err, &e) && e.Number == errUnknownSchema:
		return fmt.Errorf("%w: there is no database %q at %s; correct database.dsn, or create it", ErrUnreachable, cfg.DBName, where)
	case errors.As(err, &e) && (e.Number == 1045 || e.Number == 1044 || e.Number == 1698):
		return fmt.Errorf("%w: %s refuses user %q; correct user and password in database.dsn", ErrUnreachable, where, cfg.User)
	}
	return fmt.Errorf("%w: no answer from %s: %w; is the server up, and is database.dsn right?", ErrUnreachable, where, err)
}

func severed(err error) bool {
	var e net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, io.EOF) || errors.As(err, &e)
}

func isNumber(err error, numbers ...uint16) bool {
	var e *mysql.MySQLError
	return errors.As(err, &e) && slices.Contains(numbers, e.Number)
}

// readCommitted opens sessions at READ COMMITTED: at the server's default, a
// drained queue would block the application's own inserts. A session setting
// saves a round trip per transaction and has one name on every server.
type readCommitted struct{ base driver.Connector }

func (c readCommitted) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.base.Connect(ctx)
	if err != nil {
		return nil, err
	}
	_, err = conn.(driver.ExecerContext).ExecContext(ctx, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", nil)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func (c readCommitted) Driver() driver.Driver { return c.base.Driver() }
