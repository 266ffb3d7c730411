package migrate

import (
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// Print writes the SQL of the migrations, for those who apply it by hand.
func Print(w io.Writer, driver string, adopted bool) error {
	files, err := Files(driver, adopted)
	if err != nil {
		return err
	}
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return fmt.Errorf("print migrations: %w", err)
	}
	for _, e := range entries {
		b, err := fs.ReadFile(files, e.Name())
		if err != nil {
			return fmt.Errorf("print migrations: %w", err)
		}
		up, _, _ := strings.Cut(string(b), "-- +goose Down")
		fmt.Fprintf(w, "-- %s\n%s", e.Name(), strings.ReplaceAll(up, "-- +goose Up\n", ""))
	}
	return nil
}
