package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	gormsqlite "gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// openSQLite opens a file on this machine's own disk, making it and its folder
// where missing. One process writes at a time: `immediate` takes the write lock
// at BEGIN, so that no transaction has to be thrown away half-way.
func openSQLite(ctx context.Context, file string) (*sql.DB, gorm.Dialector, dialect, error) {
	fail := func(err error) (*sql.DB, gorm.Dialector, dialect, error) {
		return nil, nil, dialect{}, fmt.Errorf("open SQLite %s: %w", file, err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fail(fmt.Errorf("%w: %w", ErrUnreachable, err))
	}
	pragmas := url.Values{
		"_txlock": {"immediate"},
		// FULL: a commit that was answered survives a power cut.
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)"},
	}
	pool, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath(), RawQuery: pragmas.Encode()}).String())
	if err != nil {
		return fail(err)
	}
	pool.SetMaxOpenConns(4)
	if err := pool.PingContext(ctx); err != nil {
		return fail(errors.Join(fmt.Errorf("%w: %w; is it a database file that this user may write?", ErrUnreachable, err), pool.Close()))
	}
	return pool, gormsqlite.New(gormsqlite.Config{Conn: pool}), sqliteDialect(), nil
}

func sqliteDialect() dialect {
	const now = "strftime('%Y-%m-%d %H:%M:%f', 'now')"
	return dialect{
		name:       "sqlite",
		now:        now,
		queueNow:   now,
		later:      "strftime('%Y-%m-%d %H:%M:%f', 'now', ?)",
		after:      func(d time.Duration) any { return fmt.Sprintf("%+.3f seconds", d.Seconds()) },
		queueLater: "strftime('%Y-%m-%d %H:%M:%f', 'now', ?)",
		lastID:     "last_insert_rowid()",
		age: func(from, to string) string {
			return "CAST((julianday(" + to + ") - julianday(" + from + ")) * 86400000000 AS INTEGER)"
		},
		ignore:         " ON CONFLICT (event_id, listener) DO NOTHING",
		ignoreListener: " ON CONFLICT (listener) DO NOTHING",
		conflict:       busy,
		severed:        func(error) bool { return false },
		transient:      busy,
		unknown:        func(error) bool { return false },
		missing: func(err error) bool {
			// SQLite has no code of its own for these.
			return err != nil && (strings.Contains(err.Error(), "no such table") || strings.Contains(err.Error(), "no such column"))
		},
	}
}

func busy(err error) bool {
	var e *sqlite.Error
	// The low byte is the primary code: BUSY_SNAPSHOT is BUSY too.
	return errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
}
