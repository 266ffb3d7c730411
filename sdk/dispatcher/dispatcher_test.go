package dispatcher_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	"github.com/earshot-host/earshot/migrations"
	"github.com/earshot-host/earshot/sdk/dispatcher"
)

// playHost makes the test binary play the host's command.
const playHost = "EARSHOT_TEST_PLAY_HOST"

func TestMain(m *testing.M) {
	if os.Getenv(playHost) != "" {
		os.Exit(host())
	}
	goleak.VerifyTestMain(m)
}

// database is one that an application has, with Earshot's tables.
type database struct {
	*sql.DB
	dialect dispatcher.Dialect
}

func each(t *testing.T, fn func(t *testing.T, db database)) {
	t.Run("mysql", func(t *testing.T) { fn(t, migrated(t, openMySQL(t), dispatcher.MySQL, "mysql")) })
	t.Run("sqlite", func(t *testing.T) {
		db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "app.db")+"?_pragma=busy_timeout(10000)&_txlock=immediate")
		if err != nil {
			t.Fatal(err)
		}
		fn(t, migrated(t, db, dispatcher.SQLite, "sqlite"))
	})
}

func openMySQL(t *testing.T) *sql.DB {
	t.Helper()
	dsn := os.Getenv("EARSHOT_TEST_MYSQL_DSN")
	if dsn == "" {
		t.Fatal("no database to test with: run `make test`, which starts one, or set EARSHOT_TEST_MYSQL_DSN")
	}
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	server, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	cfg.DBName = fmt.Sprintf("earshot_sdk_%d_%d", os.Getpid(), time.Now().UnixNano())
	if _, err := server.Exec("CREATE DATABASE " + cfg.DBName + " CHARACTER SET utf8mb4"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := server.Exec("DROP DATABASE " + cfg.DBName); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	db, err := sql.Open("mysql", cfg.FormatDSN())
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func migrated(t *testing.T, db *sql.DB, dialect dispatcher.Dialect, dir string) database {
	t.Helper()
	t.Cleanup(func() { db.Close() })
	files, err := fs.Glob(migrations.FS, dir+"/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		text, err := fs.ReadFile(migrations.FS, f)
		if err != nil {
			t.Fatal(err)
		}
		up, _, _ := strings.Cut(string(text), "-- +goose Down")
		for stmt := range strings.SplitSeq(up, ";\n") {
			if strings.TrimSpace(stmt) == "" {
				continue
			}
			if _, err := db.Exec(stmt); err != nil {
				t.Fatalf("%s: %v", f, err)
			}
		}
	}
	return database{db, dialect}
}

func (db database) count(t *testing.T, where string) int {
	t.Helper()
	var n int
	if err := db.QueryRow("SELECT COUNT(*) FROM event_queue WHERE " + where).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDispatchIsPartOfTheTransaction(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		d := dispatcher.New(dispatcher.Options{Dialect: db.dialect})
		for _, commit := range []bool{false, true} {
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := d.Dispatch(t.Context(), tx, dispatcher.AppointmentSaved, map[string]any{"note": "<ação> 😀", "n": 1})
			if err != nil || got.ID == 0 {
				t.Fatalf("Dispatch = %+v, %v", got, err)
			}
			if commit {
				err = tx.Commit()
			} else {
				err = tx.Rollback()
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if n := db.count(t, "status = 'pending' AND attempts = 0 AND max_attempts = 3 AND scheduled_at IS NULL AND create_datetime IS NOT NULL"); n != 1 {
			t.Errorf("%d whole events, want the committed one", n)
		}
		var payload string
		if err := db.QueryRow("SELECT payload FROM event_queue").Scan(&payload); err != nil {
			t.Fatal(err)
		}
		if want := `{"n":1,"note":"\u003cação\u003e 😀"}`; payload != want {
			t.Errorf("payload = %s, want %s", payload, want)
		}
	})
}

func TestDelayGoesByTheDatabasesClock(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		d := dispatcher.New(dispatcher.Options{Dialect: db.dialect})
		if _, err := d.Dispatch(t.Context(), db, "later", "{}", dispatcher.In(time.Hour)); err != nil {
			t.Fatal(err)
		}
		between := "scheduled_at BETWEEN NOW() + INTERVAL 58 MINUTE AND NOW() + INTERVAL 62 MINUTE"
		if db.dialect == dispatcher.SQLite {
			between = "scheduled_at BETWEEN datetime('now', '58 minutes') AND datetime('now', '62 minutes')"
		}
		if n := db.count(t, between); n != 1 {
			t.Error("not scheduled in an hour")
		}
	})
}

func TestOneEventPerKey(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		d := dispatcher.New(dispatcher.Options{Dialect: db.dialect})
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		var wg sync.WaitGroup
		got := make([]dispatcher.Dispatched, 5)
		for i := range got {
			wg.Go(func() {
				var err error
				var on dispatcher.Conn = db
				if i == 0 {
					on = conn
				}
				if got[i], err = d.Dispatch(t.Context(), on, "order.paid", "{}", dispatcher.Key("order-7")); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		fresh := 0
		for _, g := range got {
			if g.ID != got[0].ID || g.ID == 0 {
				t.Errorf("ids differ: %+v", got)
			}
			if !g.Duplicate {
				fresh++
			}
		}
		if fresh != 1 || db.count(t, "1 = 1") != 1 {
			t.Errorf("%d said that they wrote it, %d rows, want one: %+v", fresh, db.count(t, "1 = 1"), got)
		}
	})
}

func TestAKeyIsFreeAfterARollback(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		d := dispatcher.New(dispatcher.Options{Dialect: db.dialect})
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Dispatch(t.Context(), tx, "a", "{}", dispatcher.Key("k")); err != nil {
			t.Fatal(err)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Dispatch(t.Context(), db, "a", "{}", dispatcher.Key("k")); err != nil || got.Duplicate {
			t.Errorf("Dispatch = %+v, %v, want a fresh event", got, err)
		}
	})
}

func TestRefused(t *testing.T) {
	d := dispatcher.New(dispatcher.Options{MaxPayload: 50})
	tests := []struct {
		name, event string
		payload     any
		want        error
	}{
		{"no name", "", "{}", dispatcher.ErrName},
		{"a space", "a b", "{}", dispatcher.ErrName},
		{"too long", strings.Repeat("a", 101), "{}", dispatcher.ErrName},
		{"a wildcard", "appointment.*", "{}", dispatcher.ErrName},
		{"NaN", "a", map[string]any{"n": math.NaN()}, dispatcher.ErrPayload},
		{"a channel", "a", map[string]any{"c": make(chan int)}, dispatcher.ErrPayload},
		{"a list", "a", []int{1}, dispatcher.ErrPayload},
		{"null", "a", nil, dispatcher.ErrPayload},
		{"not JSON", "a", "{", dispatcher.ErrPayload},
		{"empty", "a", "", dispatcher.ErrPayload},
		{"not UTF-8", "a", "{\"a\":\"\xff\"}", dispatcher.ErrPayload},
		{"too big", "a", map[string]string{"a": strings.Repeat("x", 50)}, dispatcher.ErrPayload},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// No connection: it must be refused before one is needed.
			if _, err := d.Dispatch(t.Context(), nil, tt.event, tt.payload); !errors.Is(err, tt.want) {
				t.Errorf("Dispatch = %v, want %v", err, tt.want)
			}
			if _, err := d.DispatchSync(t.Context(), tt.event, tt.payload); !errors.Is(err, tt.want) {
				t.Errorf("DispatchSync = %v, want %v", err, tt.want)
			}
		})
	}
}

// host plays `earshot dispatch EVENT --payload - --sync -o json`.
func host() int {
	args := strings.Join(os.Args[1:], " ")
	if args != "--config x dispatch order.paid --payload - --sync -o json" {
		fmt.Fprintln(os.Stderr, "earshot: wrong arguments: "+args)
		return 2
	}
	switch os.Getenv(playHost) {
	case "delivers":
		fmt.Println(`[{"listener":"email","outcome":"delivered","external_id":"x"}]`)
		return 0
	case "fails":
		fmt.Println(`[{"listener":"email","outcome":"delivered"},{"listener":"log","outcome":"failed","message":"no answer"}]`)
		return 7
	}
	fmt.Fprintln(os.Stderr, "earshot: events.yaml: no such file")
	return 3
}

func TestDispatchSync(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	d := dispatcher.New(dispatcher.Options{Command: []string{self, "--config", "x"}})
	tests := []struct {
		role string
		want []dispatcher.Result
		err  string
	}{
		{"delivers", []dispatcher.Result{{Listener: "email", Outcome: "delivered", ExternalID: "x"}}, ""},
		{"fails", []dispatcher.Result{{Listener: "email", Outcome: "delivered"}, {Listener: "log", Outcome: "failed", Message: "no answer"}}, "not every listener has delivered"},
		{"breaks", nil, "exit status 3: earshot: events.yaml: no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.role, func(t *testing.T) {
			t.Setenv(playHost, tt.role)
			got, err := d.DispatchSync(t.Context(), "order.paid", "{}")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error = %v, want %q", err, tt.err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.DispatchSync(ctx, "order.paid", "{}"); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want cancelled", err)
	}
}
