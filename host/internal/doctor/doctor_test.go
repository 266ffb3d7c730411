package doctor_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/earshot-host/earshot/host/internal/doctor"
	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/migrate"
	"github.com/earshot-host/earshot/host/internal/queue"
	"github.com/earshot-host/earshot/host/internal/registry"
	"github.com/earshot-host/earshot/host/internal/settings"
	"github.com/earshot-host/earshot/host/internal/testdb"
)

const eventsYAML = `version: 1
listeners:
  email: {plugin: email}
events:
  appointment.saved: [email]
`

// patient is a host that is well, until a test makes it ill.
type patient struct {
	doctor.Subject
	t   *testing.T
	db  testdb.DB
	app *sql.DB
	// plugin is the file of the listener's plugin.
	plugin string
}

func well(t *testing.T, db testdb.DB) *patient {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	p := &patient{t: t, db: db, app: db.Open(t), plugin: filepath.Join(dir, "earshot-listener-email")}
	for name, text := range map[string]string{"events.yaml": eventsYAML, p.plugin: "#!/bin/sh\n"} {
		if err := os.WriteFile(name, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if p.Settings, err = settings.Load("", nil, map[string]string{"database.driver": db.Driver, "run_dir": dir}); err != nil && db.Driver == "sqlite" {
		t.Fatal(err)
	}
	if p.Settings == nil {
		p.Settings = &settings.Settings{RunDir: dir, Events: "events.yaml"}
		p.Settings.Database.Driver = "mysql"
	}
	if p.Routes, err = registry.Load("events.yaml", registry.Options{}); err != nil {
		t.Fatal(err)
	}
	p.open("")
	m, err := migrate.New(p.Store.SQL(), db.Driver, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Path = func(string) (string, error) { return p.plugin, nil }
	p.Listener = func(context.Context, string) (bool, error) { return true, nil }
	p.Missing = func(context.Context) ([]string, error) { return nil, nil }
	return p
}

func (p *patient) open(table string) {
	p.t.Helper()
	s, err := queue.Open(p.t.Context(), queue.Options{Driver: p.db.Driver, DSN: p.db.DSN, Table: table})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { s.Close() })
	p.Store = s
}

func (p *patient) exec(stmt string, args ...any) {
	p.t.Helper()
	if _, err := p.app.Exec(stmt, args...); err != nil {
		p.t.Fatalf("%s: %v", stmt, err)
	}
}

// examine returns the findings that are not ok, by check.
func (p *patient) examine() map[string]doctor.Finding {
	p.t.Helper()
	out := make(map[string]doctor.Finding)
	oks := 0
	doctor.Examine(p.t.Context(), p.Subject, func(f doctor.Finding) {
		if f.Level == doctor.OK {
			oks++
		} else {
			out[f.Check] = f
		}
	})
	if oks < 3 {
		p.t.Errorf("only %d checks were ok: was anything looked at?", oks)
	}
	return out
}

// known are findings that the test's own surroundings make: root's rights, and
// the default database.
func known(f doctor.Finding) bool {
	return f.Check == "rights" && strings.Contains(f.Detail, "may do everything") || f.Check == "host.yaml" || f.Check == "server" && f.Level == doctor.Warning
}

func TestAHostThatIsWell(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db testdb.DB) {
		for _, f := range well(t, db).examine() {
			if !known(f) {
				t.Errorf("%+v", f)
			}
		}
	})
}

func TestDoctorFinds(t *testing.T) {
	insert := "INSERT INTO event_queue (event_name, payload) VALUES ('appointment.saved', '{}')"
	tests := []struct {
		name  string
		ill   func(p *patient)
		check string
		level doctor.Level
		want  string
		// only names the one database that can have it.
		only string
	}{
		{"no queue", func(p *patient) { p.exec("ALTER TABLE event_queue RENAME TO ea_event_queue") }, "queue", doctor.Failed, "set database.queue_table to it", ""},
		{"a lost table", func(p *patient) { p.exec("DROP TABLE event_attempts") }, "tables", doctor.Failed, "migrate up", ""},
		{"a migration", func(p *patient) {
			p.Missing = func(context.Context) ([]string, error) { return []string{"00009_x.sql"}, nil }
		}, "migrations", doctor.Failed, "00009_x.sql", ""},
		{"no index", func(p *patient) {
			p.exec("CREATE TABLE ea_event_queue AS SELECT * FROM event_queue")
			p.open("ea_event_queue")
		}, "index", doctor.Warning, "CREATE INDEX earshot_due ON ea_event_queue (status, scheduled_at, id)", ""},
		{"a TEXT column", func(p *patient) { p.exec("ALTER TABLE event_queue MODIFY payload TEXT NOT NULL") }, "payload", doctor.Warning, "65,535", "mysql"},
		{"a status less", func(p *patient) {
			p.exec("ALTER TABLE event_queue MODIFY status ENUM('pending','processing','processed') NOT NULL DEFAULT 'pending'")
		}, "status", doctor.Failed, "'failed'", "mysql"},
		{"a stuck event", func(p *patient) {
			p.exec(insert)
			p.exec("UPDATE event_queue SET status = 'processing', update_datetime = '2020-01-01 00:00:00'")
		}, "stuck", doctor.Warning, "1 events", ""},
		{"a cut payload", func(p *patient) {
			p.exec("INSERT INTO event_queue (event_name, payload) VALUES ('appointment.saved', ?)", strings.Repeat("x", 65535))
		}, "cut", doctor.Warning, "LONGTEXT", ""},
		{"an id that was used before", func(p *patient) {
			p.exec(insert)
			p.exec("INSERT INTO event_deliveries (event_id, listener, state, created_at) VALUES (1, 'email', 'delivered', '2020-01-01 00:00:00')")
		}, "ids", doctor.Failed, "counts from 1 again", ""},
		{"an event from the future", func(p *patient) {
			p.exec(insert)
			p.exec("UPDATE event_queue SET create_datetime = '2037-01-01 00:00:00'")
		}, "zone", doctor.Warning, "time zones", ""},
		{"another worker", func(p *patient) {
			p.exec(insert)
			p.exec("UPDATE event_queue SET status = 'processed'")
		}, "other workers", doctor.Warning, "take it out of cron", ""},
		{"an unknown event", func(p *patient) {
			p.exec("INSERT INTO event_queue (event_name, payload) VALUES ('order.paid', '{}')")
		}, "routes", doctor.Warning, "order.paid", ""},
		{"nobody works", func(p *patient) {
			p.exec(insert)
			p.exec("UPDATE event_queue SET create_datetime = '2020-01-01 00:00:00'")
		}, "backlog", doctor.Failed, "earshot run", ""},
		{"a paused listener", func(p *patient) {
			if _, err := p.Store.Pause(p.t.Context(), "email"); err != nil {
				p.t.Fatal(err)
			}
		}, "listener email", doctor.Warning, "queue resume", ""},
		{"a held listener", func(p *patient) {
			p.exec(insert)
			c, err := p.Store.Claim(p.t.Context(), 1, false, func([]event.Event) []event.Plan {
				return []event.Plan{{Targets: []event.Target{{Listener: "email", Lease: true}}}}
			})
			if err != nil || len(c.Deliveries) != 1 {
				p.t.Fatal(c, err)
			}
			o := event.Outcome{Code: event.Unavailable, Reason: "wrong password"}
			st := event.Settled{Delivery: c.Deliveries[0], Outcome: o, Settlement: event.Settle(c.Deliveries[0], o, event.DefaultPolicy(), 0)}
			if _, err := p.Store.Record(p.t.Context(), []event.Settled{st}); err != nil {
				p.t.Fatal(err)
			}
			p.Routes = nil
		}, "listener email", doctor.Failed, "wrong password", ""},
		{"no plugin", func(p *patient) {
			p.Path = func(string) (string, error) { return "", errors.New("there is no earshot-listener-email") }
		}, "listener email", doctor.Failed, "install the plugin", ""},
		{"a plugin that others may replace", func(p *patient) {
			if err := os.Chmod(p.plugin, 0o777); err != nil {
				p.t.Fatal(err)
			}
		}, "listener email", doctor.Warning, "chmod go-w", ""},
		{"a plugin that cannot be run", func(p *patient) {
			if err := os.Chmod(p.plugin, 0o600); err != nil {
				p.t.Fatal(err)
			}
		}, "listener email", doctor.Failed, "chmod a+x", ""},
		{"a plugin that cannot deliver", func(p *patient) {
			p.Listener = func(context.Context, string) (bool, error) { return true, errors.New("wrong password") }
		}, "listener email", doctor.Failed, "wrong password", ""},
	}
	testdb.Each(t, func(t *testing.T, db testdb.DB) {
		for _, tt := range tests {
			if tt.only != "" && tt.only != db.Driver {
				continue
			}
			t.Run(tt.name, func(t *testing.T) {
				own := testdb.SQLite(t)
				if db.Driver == "mysql" {
					own = testdb.MySQL(t)
				}
				p := well(t, own)
				tt.ill(p)
				f := p.examine()[tt.check]
				if f.Level != tt.level || !strings.Contains(f.Detail+f.Fix, tt.want) {
					t.Errorf("%s: %+v, want %s with %q", tt.check, f, tt.level, tt.want)
				}
			})
		}
	})
}

func TestADatabaseThatIsGone(t *testing.T) {
	p := well(t, testdb.SQLite(t))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p.Store.Close()
	var failed []string
	doctor.Examine(ctx, p.Subject, func(f doctor.Finding) {
		if f.Level == doctor.Failed {
			failed = append(failed, f.Check)
		}
	})
	if len(failed) != 1 || failed[0] != "server" {
		t.Errorf("failed: %v, want the server alone: the rest cannot be looked at", failed)
	}
}
