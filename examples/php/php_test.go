// Package php_test runs the PHP producer with PHP itself, against the database.
package php_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "modernc.org/sqlite"

	"github.com/earshot-host/earshot/migrations"
)

// fixture is one database, reached as PHP does in one of the ways it can.
type fixture struct {
	db    *sql.DB
	table string
	// given is what produce.php is told about the connection.
	given map[string]any
}

// adopted is the queue of an application that uses TEXT and whole seconds.
const adopted = `CREATE TABLE ea_event_queue (
  id int(11) NOT NULL AUTO_INCREMENT PRIMARY KEY, event_name varchar(100) NOT NULL, payload text NOT NULL,
  status enum('pending','processing','processed','failed') NOT NULL DEFAULT 'pending',
  attempts int(11) NOT NULL DEFAULT 0, max_attempts int(11) NOT NULL DEFAULT 3, error_message text DEFAULT NULL,
  scheduled_at datetime DEFAULT NULL, processed_at datetime DEFAULT NULL, create_datetime datetime DEFAULT NULL, update_datetime datetime DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`

func fixtures(t *testing.T) map[string]fixture {
	t.Helper()
	if _, err := exec.LookPath("php"); err != nil {
		t.Fatal("no php: install php-cli, php-mysql and php-sqlite3")
	}
	// Read here, or the result of an older version would count as this one's.
	for _, f := range []string{"Event_dispatcher.php", "testdata/produce.php", "testdata/codeigniter.php"} {
		if _, err := os.ReadFile(f); err != nil {
			t.Fatal(err)
		}
	}
	dsn := os.Getenv("EARSHOT_TEST_MYSQL_DSN")
	cfg, err := mysql.ParseDSN(dsn)
	if dsn == "" || err != nil {
		t.Fatalf("no database to test with: run `make test`, which starts one, or set EARSHOT_TEST_MYSQL_DSN (%v)", err)
	}
	server, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	cfg.DBName = fmt.Sprintf("earshot_php_%d_%d", os.Getpid(), time.Now().UnixNano())
	if _, err := server.Exec("CREATE DATABASE " + cfg.DBName + " CHARACTER SET utf8mb4"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Exec("DROP DATABASE " + cfg.DBName) })
	my, err := sql.Open("mysql", cfg.FormatDSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { my.Close() })
	migrate(t, my, "mysql")
	if _, err := my.Exec(adopted); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "app.db")
	lite, err := sql.Open("sqlite", file+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lite.Close() })
	migrate(t, lite, "sqlite")
	return map[string]fixture{
		"codeigniter": {my, "ea_event_queue", map[string]any{"with": "codeigniter", "database": cfg.DBName, "socket": cfg.Addr}},
		"pdo mysql":   {my, "event_queue", map[string]any{"with": "pdo", "user": cfg.User, "dsn": "mysql:unix_socket=" + cfg.Addr + ";dbname=" + cfg.DBName + ";charset=utf8mb4"}},
		"pdo sqlite":  {lite, "event_queue", map[string]any{"with": "pdo", "dsn": "sqlite:" + file}},
	}
}

func migrate(t *testing.T, db *sql.DB, dir string) {
	t.Helper()
	files, err := fs.Glob(migrations.FS, dir+"/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := fs.ReadFile(migrations.FS, f)
		if err != nil {
			t.Fatal(err)
		}
		up, _, _ := strings.Cut(string(text), "-- +goose Down")
		for stmt := range strings.SplitSeq(up, ";\n") {
			if _, err := db.Exec(stmt); strings.TrimSpace(stmt) != "" && err != nil {
				t.Fatalf("%s: %v", f, err)
			}
		}
	}
}

type answer struct {
	ID      int64
	Error   string
	Results []map[string]string
}

// produce runs produce.php with what is given for a connection and a case.
func (f fixture) produce(t *testing.T, with map[string]any) answer {
	t.Helper()
	all := map[string]any{"event": "appointment.saved", "payload": "plain"}
	for _, m := range []map[string]any{f.given, with} {
		for k, v := range m {
			all[k] = v
		}
	}
	arg, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "php", "-d", "display_errors=stderr", "testdata/produce.php", string(arg))
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("php: %v\n%s%s", err, out, errs.String())
	}
	var a answer
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatalf("php printed %q\n%s", out, errs.String())
	}
	return a
}

func (f fixture) one(t *testing.T, stmt string) string {
	t.Helper()
	var v sql.NullString
	if err := f.db.QueryRow(strings.ReplaceAll(stmt, "QUEUE", f.table)).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v.String
}

func (f fixture) clear(t *testing.T) {
	t.Helper()
	for _, table := range []string{f.table, "event_keys"} {
		if _, err := f.db.Exec("DELETE FROM " + table); err != nil {
			t.Fatal(err)
		}
	}
}

func TestProducer(t *testing.T) {
	for name, f := range fixtures(t) {
		t.Run(name, func(t *testing.T) {
			t.Run("a whole event", func(t *testing.T) {
				f.clear(t)
				a := f.produce(t, nil)
				if want := f.one(t, "SELECT MAX(id) FROM QUEUE"); fmt.Sprint(a.ID) != want || a.Error != "" {
					t.Errorf("answer %+v, want id %s", a, want)
				}
				if got, want := f.one(t, "SELECT payload FROM QUEUE WHERE status = 'pending' AND attempts = 0 AND scheduled_at IS NULL AND create_datetime IS NOT NULL"),
					`{"customer":{"first_name":"Jos\u00e9","note":"\ud83d\ude00 <\/p>"},"n":1}`; got != want {
					t.Errorf("payload = %s, want %s", got, want)
				}
			})
			t.Run("in the transaction", func(t *testing.T) {
				f.clear(t)
				f.produce(t, map[string]any{"transaction": "rollback"})
				f.produce(t, map[string]any{"transaction": "rollback", "key": "k"})
				if n := f.one(t, "SELECT COUNT(*) FROM QUEUE"); n != "0" {
					t.Errorf("%s events after a rollback", n)
				}
				f.produce(t, map[string]any{"transaction": "commit", "key": "k"})
				if n := f.one(t, "SELECT COUNT(*) FROM QUEUE"); n != "1" {
					t.Errorf("%s events after a commit, want 1", n)
				}
			})
			t.Run("once for a key", func(t *testing.T) {
				f.clear(t)
				first, second := f.produce(t, map[string]any{"key": "k-7"}), f.produce(t, map[string]any{"key": "k-7"})
				if n := f.one(t, "SELECT COUNT(*) FROM QUEUE"); n != "1" || first.ID != second.ID || first.ID == 0 {
					t.Errorf("%s events, ids %d and %d, want one", n, first.ID, second.ID)
				}
			})
			t.Run("later", func(t *testing.T) {
				f.clear(t)
				f.produce(t, map[string]any{"in": 3600})
				between := "scheduled_at BETWEEN NOW() + INTERVAL 58 MINUTE AND NOW() + INTERVAL 62 MINUTE"
				if name == "pdo sqlite" {
					between = "scheduled_at BETWEEN datetime('now', '58 minutes') AND datetime('now', '62 minutes')"
				}
				if n := f.one(t, "SELECT COUNT(*) FROM QUEUE WHERE "+between); n != "1" {
					t.Errorf("scheduled at %s, want in an hour", f.one(t, "SELECT scheduled_at FROM QUEUE"))
				}
			})
			t.Run("what fits is kept whole", func(t *testing.T) {
				f.clear(t)
				if a := f.produce(t, map[string]any{"payload": "fits"}); a.Error != "" {
					t.Error(a.Error)
				}
				if n := f.one(t, "SELECT LENGTH(payload) FROM QUEUE"); n != "65535" {
					t.Errorf("%s bytes kept, want 65535", n)
				}
				f.clear(t)
				f.produce(t, map[string]any{"payload": "empty"})
				if got := f.one(t, "SELECT payload FROM QUEUE"); got != "{}" {
					t.Errorf("an empty array became %s, want {}", got)
				}
			})
			for _, tt := range []struct {
				name string
				with map[string]any
				want string
			}{
				{"a list", map[string]any{"payload": "list"}, "must be an object"},
				{"null", map[string]any{"payload": "null"}, "must be an object"},
				{"not UTF-8", map[string]any{"payload": "latin1"}, "cannot be encoded as JSON: Malformed UTF-8"},
				{"infinity", map[string]any{"payload": "inf"}, "cannot be encoded as JSON: Inf"},
				{"too long", map[string]any{"payload": "long"}, "65536 bytes, more than the 65535"},
				{"a bad name", map[string]any{"event": "appointment saved"}, "is not an event name"},
				{"a wildcard", map[string]any{"event": "appointment.*"}, "is not an event name"},
				{"a bad time", map[string]any{"at": "someday"}, "is not a time"},
				{"an empty key", map[string]any{"key": ""}, "1 to 191"},
				{"a long key", map[string]any{"key": strings.Repeat("é", 192)}, "1 to 191"},
				{"no such table", map[string]any{"params": map[string]any{"table": "gone"}}, "could not be written"},
				{"a bad table", map[string]any{"params": map[string]any{"table": "a; b"}}, "is not the name of a table"},
				{"no host", map[string]any{"sync": true, "params": map[string]any{"command": []string{"/nonexistent/earshot"}}}, ""},
			} {
				t.Run("refuses "+tt.name, func(t *testing.T) {
					f.clear(t)
					a := f.produce(t, tt.with)
					if a.Error == "" || !strings.Contains(a.Error, tt.want) {
						t.Errorf("error = %q, want %q", a.Error, tt.want)
					}
					if n := f.one(t, "SELECT COUNT(*) FROM QUEUE"); n != "0" {
						t.Errorf("%s events were written", n)
					}
				})
			}
		})
	}
}

// TestSync runs a command that answers as the host does.
func TestSync(t *testing.T) {
	f := fixtures(t)["pdo sqlite"]
	script := func(code int, answer string) map[string]any {
		path := filepath.Join(t.TempDir(), "earshot")
		text := fmt.Sprintf("#!/bin/sh\n[ \"$*\" = \"dispatch order.paid --payload - --sync -o json\" ] || exit 2\n[ \"$(cat)\" = '{}' ] || exit 2\necho '%s'\nexit %d\n", answer, code)
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		return map[string]any{"event": "order.paid", "payload": "empty", "sync": true, "params": map[string]any{"command": []string{path}}}
	}
	if a := f.produce(t, script(0, `[{"listener":"email","outcome":"delivered"}]`)); a.Error != "" || len(a.Results) != 1 || a.Results[0]["outcome"] != "delivered" {
		t.Errorf("answer %+v, want one delivered", a)
	}
	if a := f.produce(t, script(7, `[{"listener":"email","outcome":"failed"}]`)); !strings.Contains(a.Error, "has delivered") || len(a.Results) != 1 {
		t.Errorf("answer %+v, want an error with one result", a)
	}
	if a := f.produce(t, script(3, ``)); !strings.Contains(a.Error, "exit code 3") {
		t.Errorf("answer %+v, want exit code 3", a)
	}
}
