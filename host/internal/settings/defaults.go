package settings

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/earshot-host/earshot/host/internal/strictyaml"
)

// finish fills in what no source has said.
func (l *loader) finish() {
	s := l.set
	l.database()
	if s.Events == "" {
		s.Events = l.events()
	}
	if s.Instance == "" {
		s.Instance = machine()
	}
	if s.Plugins.Dirs == nil {
		s.Plugins.Dirs = pluginDirs()
	}
	if s.RunDir == "" {
		s.RunDir = l.runDir()
	}
	def(&s.Run.Batch, 250)
	def(&s.Run.Poll, 250*time.Millisecond)
	def(&s.Run.Lease, time.Minute)
	def(&s.Run.Drain, 30*time.Second)
	def(&s.MaxPayload, 1<<20)
	own := s.Database.QueueTable == "" || s.Database.QueueTable == "event_queue"
	if own && l.set.sources["retention.processed"] == "" {
		// A table of the application's own is pruned only when asked for.
		s.Retention.Processed = 30 * 24 * time.Hour
	}
	if s.Metrics.Asked = l.set.sources["metrics.listen"] != ""; !s.Metrics.Asked {
		s.Metrics.Listen = "127.0.0.1:8790"
	}
	def(&s.Log.Level, "info")
	def(&s.Log.Format, "text")
}

func def[T comparable](to *T, value T) {
	var zero T
	if *to == zero {
		*to = value
	}
}

// events is beside host.yaml; without one, where a user works, then the system's.
func (l *loader) events() string {
	if l.set.File != "" {
		return filepath.Join(filepath.Dir(l.set.File), "events.yaml")
	}
	if found := find("events.yaml", filepath.Join(systemDir, "events.yaml")); found != "" {
		return absolute("", found)
	}
	return absolute("", "events.yaml")
}

func machine() string {
	name, err := os.Hostname()
	if err != nil || !hostName.MatchString(name) {
		return "host"
	}
	return name
}

// pluginDirs finds the plugins of a build beside it, those of a package where
// packages put them.
func pluginDirs() []string {
	var dirs []string
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		dirs = append(dirs, filepath.Join(filepath.Dir(exe), "plugins"))
	}
	return append(dirs, "/usr/lib/earshot/plugins")
}

func (l *loader) runDir() string {
	// systemd lists several with : between.
	if dir, _, _ := strings.Cut(l.env("RUNTIME_DIRECTORY"), ":"); filepath.IsAbs(dir) {
		return dir
	}
	if dir := l.env("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "earshot")
	}
	return filepath.Join(os.TempDir(), "earshot-"+strconv.Itoa(os.Getuid()))
}

const (
	sqliteFile = "earshot.db"
	// unread stands for a secret that was not asked for.
	unread = "<secret>"
)

// database finds the DSN and what it is for.
func (l *loader) database() {
	db := &l.set.Database
	if db.dsnFile != "" {
		if !l.readDSN(db) {
			return
		}
	}
	text := db.DSN.Reveal()
	if text == unread {
		return
	}
	switch {
	case text == "" && db.Driver == "mysql":
		l.fail(l.place("database.driver"), "database.driver is mysql, but there is no DSN; set database.dsn in host.yaml, EARSHOT_DATABASE_DSN, or --dsn-file")
		return
	case text == "":
		db.Driver = "sqlite"
		text = l.defaultFile()
		l.set.warnings = append(l.set.warnings, "no database is set (database.dsn): using the SQLite file "+text)
	case db.Driver == "":
		if db.Driver = driverOf(text); db.Driver == "" {
			l.fail(l.place("database.dsn"), "cannot tell what database this DSN is for; set database.driver to mysql or sqlite")
			return
		}
	}
	if db.Driver == "mysql" && (url.MatchString(text) || !strings.Contains(text, "/")) {
		l.fail(l.place("database.dsn"), "this is not a DSN of MySQL; write user:password@tcp(host:3306)/database")
		return
	}
	if db.Driver == "sqlite" && !strings.HasPrefix(text, "file:") && !strings.HasPrefix(text, ":memory:") {
		text = absolute(db.dir, text)
	}
	db.DSN = Secret{text}
}

func (l *loader) readDSN(db *Database) bool {
	place := l.place("database.dsn_file")
	l.set.sources["database.dsn"] = place
	if !l.secrets {
		db.DSN = Secret{unread}
		return true
	}
	data, err := strictyaml.ReadFile(db.dsnFile)
	text := strings.TrimSpace(string(data))
	switch {
	case err != nil:
		l.fail(place, "database.dsn_file cannot be read: "+db.dsnFile+": "+strictyaml.Cause(err))
	case text == "":
		l.fail(place, "database.dsn_file is empty: "+db.dsnFile)
	case strings.ContainsAny(text, "\n\r\x00"):
		l.fail(place, "database.dsn_file holds more than one line: "+db.dsnFile)
	default:
		if strictyaml.Exposed(db.dsnFile) {
			l.set.warnings = append(l.set.warnings, "everybody can read the DSN in "+db.dsnFile+"; run: chmod o-r "+db.dsnFile)
		}
		db.DSN, db.dir = Secret{text}, filepath.Dir(db.dsnFile)
		return true
	}
	return false
}

// place names the source of a setting for a mistake.
func (l *loader) place(name string) string {
	if p := l.set.sources[name]; p != "" {
		return p
	}
	return "settings"
}

// defaultFile is where systemd wants state, or where the user works.
func (l *loader) defaultFile() string {
	if dir, _, _ := strings.Cut(l.env("STATE_DIRECTORY"), ":"); filepath.IsAbs(dir) {
		return filepath.Join(dir, sqliteFile)
	}
	return absolute("", sqliteFile)
}

var (
	url       = regexp.MustCompile(`^[a-z]+://`)
	mysqlForm = regexp.MustCompile(`@(tcp|unix)?\(|@/|^/[^/]|^(tcp|unix)\(`)
	liteForm  = regexp.MustCompile(`^file:|^:memory:|\.(db|sqlite|sqlite3)(\?.*)?$`)
)

// driverOf guesses what a DSN is for; "" if it cannot tell.
func driverOf(dsn string) string {
	switch {
	case liteForm.MatchString(dsn):
		return "sqlite"
	case url.MatchString(dsn), mysqlForm.MatchString(dsn):
		return "mysql"
	}
	return ""
}
