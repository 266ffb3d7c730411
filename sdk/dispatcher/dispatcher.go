package dispatcher

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrName says that an event's name cannot be used.
var ErrName = errors.New("event name")

// ErrPayload says that a payload cannot be encoded, or is not a JSON object.
var ErrPayload = errors.New("event payload")

// Conn is where an event is written: a *sql.Tx, *sql.DB or *sql.Conn, or gorm's
// ConnPool.
type Conn interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Dialect is the SQL of the application's database.
type Dialect int

// MySQL is also MariaDB.
const (
	MySQL Dialect = iota
	SQLite
)

// Options of a Dispatcher. Zero values are the defaults.
type Options struct {
	// Table is the queue; empty is event_queue.
	Table string
	// Dialect is MySQL unless set.
	Dialect Dialect
	// MaxPayload is the longest payload in bytes; zero is 1 MiB, which is what a
	// host reads unless it is told otherwise.
	MaxPayload int
	// Command runs the host's command line for DispatchSync, with the flags that
	// it needs to find its host.yaml; empty is earshot, found by PATH.
	Command []string
}

// Dispatcher writes events. It is safe for concurrent use.
type Dispatcher struct{ opt Options }

// New returns a Dispatcher. It touches no database.
func New(opt Options) *Dispatcher {
	if opt.Table == "" {
		opt.Table = "event_queue"
	}
	if opt.MaxPayload == 0 {
		opt.MaxPayload = 1 << 20
	}
	if len(opt.Command) == 0 {
		opt.Command = []string{"earshot"}
	}
	return &Dispatcher{opt: opt}
}

// Dispatched is an event that is in the queue.
type Dispatched struct {
	ID int64
	// Duplicate says that an event with the same key was there already, with
	// this ID; nothing was written.
	Duplicate bool
}

// Option changes how one event is dispatched.
type Option func(*options)

type options struct {
	delay time.Duration
	key   string
}

// In keeps the listeners from being called before d has passed.
func In(d time.Duration) Option { return func(o *options) { o.delay = d } }

// Key names what happened: of several events with one key, only the first is
// written. It has 191 characters at most, and is kept as long as its event.
// Without a transaction of its own, conn must be able to begin one, which
// *sql.DB and *sql.Conn are.
func Key(key string) Option { return func(o *options) { o.key = key } }

// Dispatch writes one event through conn and returns at once; the listeners are
// called by a host, after conn's transaction has been committed. payload is
// encoded as JSON, and must make an object; a []byte, string or json.RawMessage
// is taken as JSON that is encoded already. Nothing is written with an error.
func (d *Dispatcher) Dispatch(ctx context.Context, conn Conn, name string, payload any, opts ...Option) (Dispatched, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	body, err := d.check(name, payload)
	if err != nil {
		return Dispatched{}, err
	}
	if o.key == "" {
		id, err := d.insert(ctx, conn, name, body, o.delay)
		if err != nil {
			return Dispatched{}, fmt.Errorf("dispatch %s: %w", name, err)
		}
		return Dispatched{ID: id}, nil
	}
	out, err := d.inTx(ctx, conn, func(tx Conn) (Dispatched, error) { return d.insertOnce(ctx, tx, name, body, o) })
	if err != nil {
		return Dispatched{}, fmt.Errorf("dispatch %s with key %q: %w", name, o.key, err)
	}
	return out, nil
}

func (d *Dispatcher) check(name string, payload any) ([]byte, error) {
	if name == "" || len(name) > 100 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == '*' }) {
		return nil, fmt.Errorf("%w: %q must be 1 to 100 printable ASCII characters, such as appointment.saved", ErrName, name)
	}
	body, err := encode(payload)
	if err != nil {
		return nil, fmt.Errorf("dispatch %s: %w", name, err)
	}
	if len(body) > d.opt.MaxPayload {
		return nil, fmt.Errorf("dispatch %s: %w: %d bytes are more than the limit of %d", name, ErrPayload, len(body), d.opt.MaxPayload)
	}
	return body, nil
}

// insert writes the one row that is an event.
func (d *Dispatcher) insert(ctx context.Context, conn Conn, name string, body []byte, delay time.Duration) (int64, error) {
	now, later := d.clock()
	scheduled, args := "NULL", []any{name, string(body)}
	if delay > 0 {
		scheduled = later
		args = append(args, d.interval(delay))
	}
	res, err := conn.ExecContext(ctx, `INSERT INTO `+d.opt.Table+` (event_name, payload, scheduled_at, create_datetime, update_datetime)
		VALUES (?, ?, `+scheduled+`, `+now+`, `+now+`)`, args...)
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

// clock is the database's own: the host compares with it, whatever the zone.
func (d *Dispatcher) clock() (now, later string) {
	if d.opt.Dialect == SQLite {
		return "strftime('%Y-%m-%d %H:%M:%f', 'now')", "strftime('%Y-%m-%d %H:%M:%f', 'now', ?)"
	}
	return "NOW(6)", "NOW(6) + INTERVAL ? MICROSECOND"
}

func (d *Dispatcher) interval(delay time.Duration) any {
	if d.opt.Dialect == SQLite {
		return fmt.Sprintf("%+.3f seconds", delay.Seconds())
	}
	return delay.Microseconds()
}
