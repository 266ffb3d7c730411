// Package migrate makes and removes Earshot's tables. goose keeps the versions
// and applies the files; what is ours is to leave an adopted queue alone.
package migrate

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"

	"github.com/earshot-host/earshot/migrations"
)

// VersionTable is where goose notes what it has applied.
const VersionTable = "event_migrations"

// queueFile makes the application's table; it is left out for an adopted one.
const queueFile = "_event_queue.sql"

// Migrator applies the migrations of one database.
type Migrator struct {
	goose *goose.Provider
	files fs.FS
}

// State says of one migration whether it has been applied.
type State struct {
	File    string `json:"file"`
	Applied bool   `json:"applied"`
}

// New prepares the migrations of driver, "mysql" or "sqlite", over db.
// With adopted, the application's own table is neither made nor removed.
func New(db *sql.DB, driver string, adopted bool) (*Migrator, error) {
	files, err := Files(driver, adopted)
	if err != nil {
		return nil, err
	}
	dialect := goose.DialectMySQL
	if driver == "sqlite" {
		dialect = goose.DialectSQLite3
	}
	store, err := database.NewStore(dialect, VersionTable)
	if err != nil {
		return nil, fmt.Errorf("prepare migrations: %w", err)
	}
	provider, err := goose.NewProvider("", db, files, goose.WithStore(store), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("prepare migrations: %w", err)
	}
	return &Migrator{goose: provider, files: files}, nil
}

// Files returns the migrations of driver as they would be applied.
func Files(driver string, adopted bool) (fs.FS, error) {
	sub, err := fs.Sub(migrations.FS, driver)
	if err != nil {
		return nil, fmt.Errorf("migrations of %s: %w", driver, err)
	}
	if adopted {
		return withoutQueue{sub}, nil
	}
	return sub, nil
}

// Up applies what is missing and returns the files that it applied.
func (m *Migrator) Up(ctx context.Context) ([]string, error) {
	results, err := m.goose.Up(ctx)
	return names(results), wrap("migrate up", err)
}

// Down removes everything, the last migration first, and returns the files.
func (m *Migrator) Down(ctx context.Context) ([]string, error) {
	results, err := m.goose.DownTo(ctx, 0)
	return names(results), wrap("migrate down", err)
}

// Status lists all migrations in order.
func (m *Migrator) Status(ctx context.Context) ([]State, error) {
	all, err := m.goose.Status(ctx)
	states := make([]State, 0, len(all))
	for _, s := range all {
		states = append(states, State{File: s.Source.Path, Applied: s.State == goose.StateApplied})
	}
	return states, wrap("migrate status", err)
}

func names(results []*goose.MigrationResult) []string {
	out := make([]string, 0, len(results))
	for _, r := range results {
		out = append(out, r.Source.Path)
	}
	return out
}

func wrap(action string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", action, err)
}

// withoutQueue hides the file that makes the application's table.
type withoutQueue struct{ fs.FS }

func (f withoutQueue) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(f.FS, name)
	kept := all[:0]
	for _, e := range all {
		if !strings.HasSuffix(e.Name(), queueFile) {
			kept = append(kept, e)
		}
	}
	return kept, err
}
