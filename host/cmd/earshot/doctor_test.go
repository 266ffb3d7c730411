package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/earshot-host/earshot/host/internal/doctor"
	"github.com/earshot-host/earshot/host/internal/testdb"
)

func TestDoctorsExitCode(t *testing.T) {
	tests := []struct {
		name, host, events string
		migrate            bool
		code               int
	}{
		{"all is well", "database: {driver: sqlite, dsn: q.db}", "version: 1\nlisteners: {}\nevents: {a: []}", true, exitOK},
		{"a mistake in host.yaml", "databse: {}", "version: 1\nlisteners: {}\nevents: {}", false, exitConfig},
		{"a mistake in events.yaml", "database: {driver: sqlite, dsn: q.db}", "version: 2", true, exitConfig},
		{"no server", `database: {driver: mysql, dsn: "u:p@unix(/nonexistent/sock)/db"}`, "version: 1\nlisteners: {}\nevents: {a: []}", false, exitDatabase},
		{"no tables", "database: {driver: sqlite, dsn: q.db}", "version: 1\nlisteners: {}\nevents: {a: []}", false, exitSchema},
		{"no plugin", "database: {driver: sqlite, dsn: q.db}\nplugins: {dirs: [plugins]}", "version: 1\nlisteners: {email: {plugin: email}}\nevents: {a: [email]}", true, exitPlugin},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			for name, text := range map[string]string{"host.yaml": tt.host, "events.yaml": tt.events} {
				if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if tt.migrate {
				ask(t, "migrate", "up")
			}
			out, err := answer(t, "doctor", "--json")
			code := exitOK
			if err != nil {
				code = codeOf(err)
			}
			var d diagnosis
			if jerr := json.Unmarshal([]byte(out), &d); jerr != nil || code != tt.code || d.OK != (code == exitOK) || len(d.Findings) == 0 {
				t.Errorf("exit %d (%v), %v, want %d; findings: %s", code, err, jerr, tt.code, out)
			}
			for _, f := range d.Findings {
				if f.Level == doctor.Failed && f.Fix == "" {
					t.Errorf("%+v says no fix", f)
				}
			}
		})
	}
}

// TestDoctorChangesNothing looks at a database that holds nothing.
func TestDoctorChangesNothing(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db testdb.DB) {
		t.Chdir(t.TempDir())
		t.Setenv("EARSHOT_DATABASE_DSN", db.DSN)
		if out, err := answer(t, "doctor", "--no-plugins"); err == nil || !strings.Contains(out, "migrate up") {
			t.Errorf("doctor: %v, %s", err, out)
		}
		stmt := "SELECT COUNT(*) FROM sqlite_master"
		if db.Driver == "mysql" {
			stmt = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()"
		}
		var n int
		if err := db.Open(t).QueryRow(stmt).Scan(&n); err != nil || n != 0 {
			t.Errorf("doctor made %d tables, %v", n, err)
		}
	})
}
