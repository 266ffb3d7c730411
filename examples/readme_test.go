// Package examples_test runs what examples/README.md shows.
package examples_test

import (
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "modernc.org/sqlite"

	"github.com/earshot-host/earshot/migrations"
)

func TestStatementsOfTheReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for language, dir := range map[string]string{"sql": "mysql", "sqlite": "sqlite"} {
		t.Run(dir, func(t *testing.T) {
			db := open(t, dir)
			blocks := regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```").FindAllStringSubmatch(string(text), -1)
			if len(blocks) != 3 {
				t.Fatalf("%d statements, want 3", len(blocks))
			}
			for _, b := range blocks {
				if _, err := db.Exec(b[1]); err != nil {
					t.Errorf("%s: %v", b[1], err)
				}
			}
			for where, want := range map[string]int{
				"status = 'pending' AND attempts = 0 AND max_attempts = 3 AND create_datetime IS NOT NULL": 3,
				"scheduled_at IS NOT NULL": 1,
				"payload LIKE '%ana@%'":    1,
			} {
				var n int
				if err := db.QueryRow("SELECT COUNT(*) FROM event_queue WHERE " + where).Scan(&n); err != nil || n != want {
					t.Errorf("%d events with %s, %v, want %d", n, where, err, want)
				}
			}
		})
	}
}

// open makes a database with Earshot's tables.
func open(t *testing.T, dir string) *sql.DB {
	t.Helper()
	dsn := filepath.Join(t.TempDir(), "app.db")
	if dir == "mysql" {
		cfg, err := mysql.ParseDSN(os.Getenv("EARSHOT_TEST_MYSQL_DSN"))
		if err != nil || cfg.Addr == "" {
			t.Fatal("no database to test with: run `make test`, which starts one, or set EARSHOT_TEST_MYSQL_DSN")
		}
		server, err := sql.Open("mysql", cfg.FormatDSN())
		if err != nil {
			t.Fatal(err)
		}
		cfg.DBName = fmt.Sprintf("earshot_examples_%d_%d", os.Getpid(), time.Now().UnixNano())
		if _, err := server.Exec("CREATE DATABASE " + cfg.DBName); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			server.Exec("DROP DATABASE " + cfg.DBName)
			server.Close()
		})
		dsn = cfg.FormatDSN()
	}
	db, err := sql.Open(dir, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
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
	return db
}
