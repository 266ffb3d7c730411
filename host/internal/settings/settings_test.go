package settings_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/earshot-host/earshot/host/internal/settings"
)

// in runs a test in an empty folder, since the current one is looked at.
func in(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func from(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
}

func TestWithoutAnythingThereIsADefault(t *testing.T) {
	dir := in(t)
	s, err := settings.Load("", from(map[string]string{"XDG_RUNTIME_DIR": "/run/user/7"}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Events != filepath.Join(dir, "events.yaml") || s.Database.Driver != "sqlite" || s.Database.DSN.Reveal() != filepath.Join(dir, "earshot.db") {
		t.Errorf("events %s, driver %s, dsn %s", s.Events, s.Database.Driver, s.Database.DSN.Reveal())
	}
	if s.Run != (settings.Run{Batch: 250, Poll: 250 * time.Millisecond, Lease: time.Minute, Drain: 30 * time.Second}) || s.MaxPayload != 1<<20 {
		t.Errorf("run %+v, max payload %d", s.Run, s.MaxPayload)
	}
	if s.RunDir != "/run/user/7/earshot" || s.Instance == "" || s.Log != (settings.Log{Level: "info", Format: "text"}) {
		t.Errorf("run dir %s, instance %s, log %+v", s.RunDir, s.Instance, s.Log)
	}
	if n := len(s.Plugins.Dirs); n != 2 || filepath.Base(s.Plugins.Dirs[0]) != "plugins" || s.Plugins.Dirs[1] != "/usr/lib/earshot/plugins" {
		t.Errorf("plugin dirs %v", s.Plugins.Dirs)
	}
	if w := s.Warnings(); len(w) != 1 || !strings.Contains(w[0], "using the SQLite file "+filepath.Join(dir, "earshot.db")) {
		t.Errorf("warnings %v", w)
	}
}

func TestRetentionOfATableOfTheApplication(t *testing.T) {
	tests := []struct {
		name, yaml string
		want       settings.Retention
	}{
		{"own table", "run: {batch: 9}", settings.Retention{Processed: 30 * 24 * time.Hour}},
		{"adopted table", "database: {queue_table: ea_event_queue}", settings.Retention{}},
		{"adopted table, asked for", "database: {queue_table: ea_event_queue}\nretention: {processed: 7d, scrub: 1d}", settings.Retention{Processed: 7 * 24 * time.Hour, Scrub: 24 * time.Hour}},
		{"off", "retention: {processed: off, failed: 180d}", settings.Retention{Failed: 180 * 24 * time.Hour}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			write(t, filepath.Join(in(t), "host.yaml"), tt.yaml+"\n")
			s, err := settings.Load("", from(nil), nil)
			if err != nil {
				t.Fatal(err)
			}
			if s.Retention != tt.want {
				t.Errorf("retention = %+v, want %+v", s.Retention, tt.want)
			}
		})
	}
}

func TestFileEnvironmentFlag(t *testing.T) {
	dir := in(t)
	path := filepath.Join(dir, "etc", "host.yaml")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, path, `
x-owner: ops
events: routes.yaml
database: {dsn: app:pw@tcp(db.example.com:3306)/app, queue_table: ea_event_queue}
instance: mail-1
run: {batch: 5, poll: 2s, lease: 1d, drain: 1s}
max_payload: 4MiB
plugins: {dirs: [plugins, /opt/plugins]}
run_dir: run
log: {level: warn, format: json}
`)
	if _, err := settings.Load(path, from(nil), nil); err == nil || !strings.Contains(err.Error(), "host.yaml:6:34: run.lease must be a duration from 5s to 1h") {
		t.Fatalf("error = %v", err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, strings.Replace(string(data), "1d", "10m", 1))
	env := map[string]string{"EARSHOT_RUN_BATCH": "6", "EARSHOT_RUN_POLL": "3s", "EARSHOT_PLUGINS_DIRS": "a:/b", "EARSHOT_LOG_LEVEL": "", "EARSHOT_CONFIG": path}
	s, err := settings.Load("", from(env), map[string]string{"run.poll": "4s"})
	if err != nil {
		t.Fatal(err)
	}
	got := []any{s.File, s.Events, s.Database.Driver, s.Database.DSN.Reveal(), s.Database.QueueTable, s.Instance, s.Run, s.MaxPayload, s.Plugins.Dirs, s.RunDir, s.Log, s.Warnings()}
	etc := filepath.Dir(path)
	want := []any{
		path, filepath.Join(etc, "routes.yaml"), "mysql", "app:pw@tcp(db.example.com:3306)/app", "ea_event_queue", "mail-1",
		settings.Run{Batch: 6, Poll: 4 * time.Second, Lease: 10 * time.Minute, Drain: time.Second}, int64(4 << 20),
		[]string{filepath.Join(dir, "a"), "/b"}, filepath.Join(etc, "run"), settings.Log{Level: "warn", Format: "json"}, []string(nil),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	sources := make(map[string]string)
	for _, v := range s.Values() {
		sources[v.Name] = v.Value + " from " + v.Source
	}
	for name, want := range map[string]string{
		"run.poll": "4s from flag --poll", "run.batch": "6 from environment EARSHOT_RUN_BATCH", "run.drain": "1s from " + path + ":6:46",
		"database.dsn": "<secret> from " + path + ":4:17", "database.driver": "mysql from default",
	} {
		if sources[name] != want {
			t.Errorf("%s = %s, want %s", name, sources[name], want)
		}
	}
}

func TestDSN(t *testing.T) {
	dir := in(t)
	sub := filepath.Join(dir, "sub")
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(sub, "dsn"), " app:pw@unix(/run/mysqld.sock)/app\n")
	write(t, filepath.Join(sub, "empty"), "\n")
	tests := []struct {
		name, file string
		env        map[string]string
		flags      map[string]string
		driver     string
		want       string
	}{
		{"file beside host.yaml", "database: {dsn_file: dsn}", nil, nil, "mysql", "app:pw@unix(/run/mysqld.sock)/app"},
		{"reference to a file", "database: {dsn: {file: dsn}, driver: mysql}", nil, nil, "mysql", " app:pw@unix(/run/mysqld.sock)/app"},
		{"reference to a variable", "database: {dsn: {env: DB}}", map[string]string{"DB": "/app"}, nil, "mysql", "/app"},
		{"sqlite beside host.yaml", "database: {dsn: q.db}", nil, nil, "sqlite", filepath.Join(sub, "q.db")},
		{"sqlite by driver", "database: {dsn: queue, driver: sqlite}", nil, nil, "sqlite", filepath.Join(sub, "queue")},
		{"sqlite as URI", "database: {dsn: 'file:q?mode=memory'}", nil, nil, "sqlite", "file:q?mode=memory"},
		{"environment beside the user", "", map[string]string{"EARSHOT_DATABASE_DSN": "q.sqlite"}, nil, "sqlite", filepath.Join(dir, "q.sqlite")},
		{"environment over file", "database: {dsn_file: none}", map[string]string{"EARSHOT_DATABASE_DSN": "a@/b"}, nil, "mysql", "a@/b"},
		{"flag over environment", "", map[string]string{"EARSHOT_DATABASE_DSN": "a@/b"}, map[string]string{"database.dsn_file": "sub/dsn"}, "mysql", "app:pw@unix(/run/mysqld.sock)/app"},
		{"state folder", "", map[string]string{"STATE_DIRECTORY": "/var/lib/earshot:/x"}, nil, "sqlite", "/var/lib/earshot/earshot.db"},
		{"mysql without one", "database: {driver: mysql}", nil, nil, "", "database.driver is mysql, but there is no DSN"},
		{"URL", "database: {dsn: 'mysql://a:secretpw@h/b'}", nil, nil, "", "this is not a DSN of MySQL; write user:password@tcp(host:3306)/database"},
		{"no idea", "database: {dsn: secretpw}", nil, nil, "", "cannot tell what database this DSN is for"},
		{"both in the file", "database: {dsn: a@/b, dsn_file: dsn}", nil, nil, "", "database has both dsn and dsn_file"},
		{"both in the environment", "", map[string]string{"EARSHOT_DATABASE_DSN": "a@/b", "EARSHOT_DATABASE_DSN_FILE": "sub/dsn"}, nil, "", "EARSHOT_DATABASE_DSN_FILE is set too"},
		{"empty file", "database: {dsn_file: empty}", nil, nil, "", "database.dsn_file is empty"},
		{"no file", "database: {dsn_file: none}", nil, nil, "", "database.dsn_file cannot be read: " + sub + "/none: no such file"},
		{"variable not set", "database: {dsn: {env: NOPE}}", nil, nil, "", "environment variable NOPE is not set"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(sub, "host.yaml")
			write(t, path, tt.file+"\n# end\nx-a: 1\n")
			s, err := settings.Load(path, from(tt.env), tt.flags)
			if tt.driver == "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error = %v, want %q", err, tt.want)
				}
				if err != nil && strings.Contains(err.Error(), "secretpw") {
					t.Error("the error shows the DSN")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if s.Database.Driver != tt.driver || s.Database.DSN.Reveal() != tt.want {
				t.Errorf("%s %q, want %s %q", s.Database.Driver, s.Database.DSN.Reveal(), tt.driver, tt.want)
			}
		})
	}
}

func TestLoadWithoutSecrets(t *testing.T) {
	in(t)
	for _, text := range []string{"{dsn_file: none}", "{dsn: {env: NOPE}}", "{dsn: {file: none}, driver: mysql}"} {
		write(t, "host.yaml", "database: "+text)
		s, err := settings.LoadWithoutSecrets("", from(nil), nil)
		if err != nil {
			t.Fatal(err)
		}
		if v := s.Values()[2]; v.Name != "database.dsn" || v.Value != "<secret>" || !strings.HasPrefix(v.Source, "host.yaml:1:") {
			t.Errorf("%s: %+v", text, v)
		}
	}
}

func TestEveryMistakeIsReportedAtOnce(t *testing.T) {
	dir := in(t)
	path := filepath.Join(dir, "host.yaml")
	write(t, path, `run: {bacth: 5, poll: 3, lease: 1ms}
database: {driver: postgres, queue_table: "a; drop table b"}
max_payload: 1GB
plugins: {dirs: {a: b}}
log: loud
`)
	env := map[string]string{"EARSHOT_RUN_BATCH": "many"}
	_, err := settings.Load("", from(env), map[string]string{"log.level": "loud"})
	var problems *settings.Errors
	if !errors.As(err, &problems) {
		t.Fatalf("error = %v", err)
	}
	var got []string
	for _, p := range problems.Problems {
		p.Excerpt = ""
		got = append(got, p.String())
	}
	want := []string{
		`host.yaml:1:7: unknown key "bacth" in run; did you mean "batch"?`,
		`host.yaml:1:23: run.poll must be a duration from 10ms to 1h, such as 2s`,
		`host.yaml:1:33: run.lease must be a duration from 5s to 1h, such as 1m`,
		`host.yaml:2:20: database.driver must be mysql or sqlite`,
		`host.yaml:2:43: database.queue_table must be the name of a table: letters, digits and _`,
		`host.yaml:3:14: max_payload must be a size from 1KiB to 12MiB, such as 4MiB`,
		`host.yaml:4:17: plugins.dirs must be a list of paths`,
		`host.yaml:5:6: log must be a map of keys and values, not text`,
		`environment EARSHOT_RUN_BATCH: must be a whole number from 1 to 1000`,
		`flag --log-level: must be trace, debug, info, warn or error`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAFileThatIsNamedMustBeThere(t *testing.T) {
	in(t)
	if _, err := settings.Load("none.yaml", from(nil), nil); err == nil || !strings.Contains(err.Error(), "none.yaml: cannot be read: no such file") {
		t.Errorf("error = %v", err)
	}
}

func TestSizes(t *testing.T) {
	in(t)
	for text, want := range map[string]int64{"65536": 65536, "64KiB": 65536, "64kB": 64000, "1MB": 1e6, "12MiB": 12 << 20, "1 MiB": 1 << 20, "5000B": 5000} {
		s, err := settings.Load("", from(map[string]string{"EARSHOT_MAX_PAYLOAD": text}), nil)
		if err != nil || s.MaxPayload != want {
			t.Errorf("%s: %v, want %d", text, err, want)
		}
	}
	for _, text := range []string{"0", "13MiB", "1GiB", "-1", "999999999999MiB", "1.5MiB", "big"} {
		if _, err := settings.Load("", from(map[string]string{"EARSHOT_MAX_PAYLOAD": text}), nil); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
}

func TestSecretNeverPrints(t *testing.T) {
	s := settings.NewSecret("hunter2")
	type holder struct{ DSN settings.Secret }
	data, err := json.Marshal(holder{s})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		string(data), s.String(), fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q %x %d", s, s, s, s, s, s, s),
		fmt.Sprintf("%v %+v %#v", holder{s}, &holder{s}, holder{s}), fmt.Sprint([]settings.Secret{s}), fmt.Sprint(errors.New(s.String())),
	} {
		if strings.Contains(text, "hunter") || strings.Contains(text, "68756e746572") {
			t.Errorf("printed: %s", text)
		}
	}
	if s.Reveal() != "hunter2" {
		t.Error("Reveal does not reveal")
	}
}

// TestShippedFile: the sample loads, holds every key, and says the defaults.
func TestShippedFile(t *testing.T) {
	data, err := os.ReadFile("../../../config/host.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := in(t)
	write(t, filepath.Join(dir, "host.yaml"), string(data))
	if err := os.Mkdir("secrets", 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, "secrets/dsn", "app:pw@/app")
	shipped, err := settings.Load("", from(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "host.yaml"), "database: {dsn_file: secrets/dsn}")
	plain, err := settings.Load("", from(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range shipped.Values() {
		if want := plain.Values()[i]; v.Value != want.Value {
			t.Errorf("%s: the sample says %s, the default is %s", v.Name, v.Value, want.Value)
		}
	}
	for _, k := range settings.Keys() {
		name := k.Name[strings.LastIndex(k.Name, ".")+1:]
		if !strings.Contains(string(data), name+":") {
			t.Errorf("the sample does not show %s", k.Name)
		}
		if k.Doc == "" || k.Env == "" || k.Flag == "" && k.Name != "database.dsn" {
			t.Errorf("%+v is not complete", k)
		}
	}
	// A key in a comment begins with "# name:" or, in a section, "#   name:".
	uncommented := regexp.MustCompile(`(?m)^( *)#(?: |( +))([a-z_]+:(?: |$))`).ReplaceAllString(string(data), "$1$2$3")
	write(t, filepath.Join(dir, "host.yaml"), uncommented)
	s, err := settings.Load("", from(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range s.Values() {
		if v.Source == "default" && v.Name != "database.dsn" {
			t.Errorf("the sample does not set %s, not even in a comment", v.Name)
		}
	}
}
