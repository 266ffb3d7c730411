package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/earshot-host/earshot/sdk"
	"github.com/earshot-host/earshot/sdk/appointment"
)

// directoryConfig names the application's database, to ask who is told now.
type directoryConfig struct {
	// DSN is a MySQL one, user:password@tcp(host:3306)/database. The user needs
	// to read five tables and nothing else.
	DSN sdk.Secret `json:"dsn" jsonschema:"required"`
	// Prefix starts the names of the tables; nil means ea_.
	Prefix *string `json:"prefix"`

	connector driver.Connector
}

func (d *directoryConfig) complete(fault faultFunc) {
	if d == nil {
		return
	}
	prefix := "ea_"
	if d.Prefix == nil {
		d.Prefix = &prefix
	}
	// It becomes a part of SQL, where names cannot be arguments.
	if !regexp.MustCompile(`^[A-Za-z0-9_]{0,32}$`).MatchString(*d.Prefix) {
		fault("directory.prefix", "must be letters, digits and _ only")
	}
	if d.DSN.IsZero() {
		fault("directory.dsn", "is missing: name the application's database, like user:password@tcp(127.0.0.1:3306)/easyappointments")
		return
	}
	parsed, err := mysql.ParseDSN(d.DSN.Reveal())
	switch {
	case err != nil: // its text could hold the password
		fault("directory.dsn", "is not like user:password@tcp(127.0.0.1:3306)/easyappointments")
		return
	case parsed.DBName == "":
		fault("directory.dsn", "names no database after the last /")
	}
	if parsed.Timeout == 0 {
		parsed.Timeout = 10 * time.Second
	}
	parsed.Logger = &mysql.NopLogger{} // what goes wrong is in the errors
	if d.connector, err = mysql.NewConnector(parsed); err != nil {
		fault("directory.dsn", "has options that do not fit together")
	}
}

// directory reads the application's own tables, and never writes there.
type directory struct {
	prefix string
	// open waits for the first question: a configuration that is only checked
	// must leave nothing behind.
	open func() *sql.DB
	used atomic.Bool
}

// liveRules is who the application would tell now.
type liveRules struct {
	customer, provider bool
	// staff are the administrators and the provider's secretaries.
	staff []appointment.Person
}

func newDirectory(c *directoryConfig) *directory {
	d := &directory{prefix: *c.Prefix}
	d.open = sync.OnceValue(func() *sql.DB {
		d.used.Store(true)
		db := sql.OpenDB(c.connector)
		db.SetMaxOpenConns(2)
		db.SetConnMaxIdleTime(time.Minute)
		return db
	})
	return d
}

func (d *directory) close() error {
	if !d.used.Load() {
		return nil
	}
	return d.open().Close()
}

// rules asks what holds for a provider. While the tables cannot be read nobody
// can be told rightly, so its errors hold the listener.
func (d *directory) rules(ctx context.Context, provider int64) (*liveRules, error) {
	live, err := d.read(ctx, provider)
	switch {
	case err == nil:
		return live, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("read who is to be told: %w", context.Cause(ctx))
	}
	return nil, sdk.Unavailable(fmt.Errorf("read who is to be told from the application's tables: %w", withoutNames(err)), 0)
}

func (d *directory) read(ctx context.Context, provider int64) (*liveRules, error) {
	tx, err := d.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	live := &liveRules{customer: true}
	var text sql.NullString
	err = tx.QueryRowContext(ctx, "SELECT value FROM "+d.prefix+"settings WHERE name = 'customer_notifications'").Scan(&text)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	if err == nil {
		live.customer = truthy(text)
	}
	err = tx.QueryRowContext(ctx, "SELECT notifications FROM "+d.prefix+"user_settings WHERE id_users = ?", provider).Scan(&text)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	live.provider = err == nil && truthy(text)
	if live.staff, err = d.staff(ctx, tx, provider); err != nil {
		return nil, err
	}
	return live, nil
}

// begin opens a read-only transaction: a promise that the server keeps.
func (d *directory) begin(ctx context.Context) (*sql.Tx, error) {
	return d.open().BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
}

// staff finds the administrators and the provider's secretaries. For them only
// a 0 says no: that is the application's own rule.
func (d *directory) staff(ctx context.Context, tx *sql.Tx, provider int64) ([]appointment.Person, error) {
	p := d.prefix
	rows, err := tx.QueryContext(ctx, `
		SELECT u.id, COALESCE(u.first_name, ''), COALESCE(u.last_name, ''), COALESCE(u.email, ''),
		       COALESCE(u.timezone, ''), COALESCE(u.language, '')
		FROM `+p+`users u
		JOIN `+p+`roles r ON r.id = u.id_roles
		LEFT JOIN `+p+`user_settings s ON s.id_users = u.id
		WHERE COALESCE(s.notifications, 1) <> 0
		  AND (r.slug = 'admin' OR r.slug = 'secretary' AND EXISTS (
		       SELECT 1 FROM `+p+`secretaries_providers sp
		       WHERE sp.id_users_secretary = u.id AND sp.id_users_provider = ?))
		ORDER BY r.slug, u.id`, provider)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []appointment.Person
	for rows.Next() {
		var who appointment.Person
		if err := rows.Scan(&who.ID, &who.FirstName, &who.LastName, &who.Email, &who.Timezone, &who.Language); err != nil {
			return nil, err
		}
		list = append(list, who)
	}
	return list, rows.Err()
}

// truthy reads a switch as PHP does.
func truthy(s sql.NullString) bool { return s.Valid && s.String != "" && s.String != "0" }

// withoutNames leaves out the user, host and query that a server repeats.
func withoutNames(err error) error {
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		return err
	}
	what := map[uint16]string{
		1044: "the user may not use this database", 1045: "the user or the password is wrong",
		1049: "there is no such database", 1142: "the user may not read one of the tables",
		1146: "one of the tables is missing: is directory.prefix right?", 1054: "one of the columns is missing",
	}[e.Number]
	if what == "" {
		what = "the server refuses"
	}
	return fmt.Errorf("%s (MySQL error %d)", what, e.Number)
}
