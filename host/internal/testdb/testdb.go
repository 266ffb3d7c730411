// Package testdb gives tests a database of their own on a real server. Only
// tests import it.
package testdb

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// Env names the variable with the DSN of a server on which tests may create
// and drop databases.
const Env = "EARSHOT_TEST_MYSQL_DSN"

var number atomic.Int64

// DB is a fresh, empty database.
type DB struct {
	Driver string
	DSN    string
}

// Each runs fn once on MySQL or MariaDB and once on SQLite.
func Each(t *testing.T, fn func(t *testing.T, db DB)) {
	t.Run("mysql", func(t *testing.T) { fn(t, MySQL(t)) })
	t.Run("sqlite", func(t *testing.T) { fn(t, SQLite(t)) })
}

// MySQL makes a database and drops it when the test ends. Without a server the
// test fails: a suite that skips its database proves nothing.
func MySQL(t testing.TB) DB {
	t.Helper()
	dsn := os.Getenv(Env)
	if dsn == "" {
		t.Fatalf("no database to test with: run `make test`, which starts one, or set %s to a MySQL or MariaDB server (user:password@tcp(127.0.0.1:3306)/)", Env)
	}
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatalf("%s: %v", Env, err)
	}
	server, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("earshot_%d_%d", os.Getpid(), number.Add(1))
	if _, err := server.Exec("CREATE DATABASE " + name + " CHARACTER SET utf8mb4"); err != nil {
		t.Fatalf("create test database: %v", err)
	}
	t.Cleanup(func() {
		if _, err := server.Exec("DROP DATABASE " + name); err != nil {
			t.Errorf("drop test database: %v", err)
		}
		server.Close()
	})
	cfg.DBName = name
	return DB{Driver: "mysql", DSN: cfg.FormatDSN()}
}

// SQLite names a file in the test's own folder.
func SQLite(t testing.TB) DB {
	return DB{Driver: "sqlite", DSN: filepath.Join(t.TempDir(), "queue.db")}
}

// Open opens a plain connection, as an application would.
func (db DB) Open(t testing.TB) *sql.DB {
	t.Helper()
	dsn := db.DSN
	if db.Driver == "mysql" && !strings.Contains(dsn, "parseTime") {
		cfg, err := mysql.ParseDSN(dsn)
		if err != nil {
			t.Fatal(err)
		}
		cfg.ParseTime = true
		dsn = cfg.FormatDSN()
	}
	if db.Driver == "sqlite" {
		dsn += "?_pragma=busy_timeout(10000)"
	}
	conn, err := sql.Open(db.Driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}
