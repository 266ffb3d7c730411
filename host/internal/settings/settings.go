// Package settings reads what a host needs to start, and what only a restart
// changes: host.yaml, the environment and flags. Everything has a default. A
// flag wins over the environment, the environment over the file.
package settings

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/earshot-host/earshot/host/internal/strictyaml"
)

// Settings of one host. Paths are absolute.
type Settings struct {
	// File is the host.yaml that was read; empty if there was none.
	File string
	// Events is the path of events.yaml.
	Events   string
	Database Database
	// Instance names this host in leases and logs.
	Instance string
	Run      Run
	// MaxPayload is the largest payload that is read, in bytes.
	MaxPayload int64
	Plugins    Plugins
	// RunDir is the folder for the sockets of plugins.
	RunDir    string
	Retention Retention
	Metrics   Metrics
	Log       Log

	warnings []string
	sources  map[string]string
}

// Database says where the queue is.
type Database struct {
	// Driver is "mysql" or "sqlite".
	Driver string
	// DSN is go-sql-driver's form for mysql, a file's path for sqlite.
	DSN Secret
	// QueueTable is the application's table; empty for Earshot's own.
	QueueTable string

	dsnFile string
	// dir is where a relative file of sqlite is.
	dir string
}

// Run says how the queue is worked on.
type Run struct {
	// Batch is how many events one claim takes at most.
	Batch int
	// Poll is the longest wait between two looks at an idle queue.
	Poll time.Duration
	// Lease is how long a claim holds without renewal.
	Lease time.Duration
	// Drain is how long running calls get when the host stops.
	Drain time.Duration
}

// Plugins says where plugins are found.
type Plugins struct{ Dirs []string }

// Retention says how long what is finished is kept; zero is for ever.
type Retention struct {
	// Processed and Failed are the ages at which such events are deleted.
	Processed, Failed time.Duration
	// Scrub is the age at which processed events lose their payload.
	Scrub time.Duration
}

// Metrics says how the host is watched.
type Metrics struct {
	// Listen is the address of /metrics and the health checks of a service;
	// empty is none.
	Listen string
	// Asked says that Listen was set: not to get it is then an error.
	Asked bool
	// Textfile is written after each run for cron, for node_exporter; empty is none.
	Textfile string
	// Ping is a URL that is called after each run for cron; empty is none.
	Ping string
}

// Log says how the host logs to stderr.
type Log struct {
	// Level is trace, debug, info, warn or error.
	Level string
	// Format is text or json.
	Format string
}

// Warnings returns what a user should know though nothing is wrong.
func (s *Settings) Warnings() []string { return slices.Clone(s.warnings) }

// Errors are all the mistakes at once, each with its place.
type Errors = strictyaml.Errors

const systemDir = "/etc/earshot"

// Load reads the settings. Without file it looks for $EARSHOT_CONFIG,
// ./host.yaml and /etc/earshot/host.yaml, and does well without any. overrides
// are the flags that were given, by the name of their key.
func Load(file string, lookupEnv func(string) (string, bool), overrides map[string]string) (*Settings, error) {
	return load(&loader{lookupEnv: lookupEnv, secrets: true}, file, overrides)
}

// LoadWithoutSecrets is Load for a look at the settings where their secrets are
// not: {env:}, {file:} and dsn_file are not read, and the DSN cannot be used.
func LoadWithoutSecrets(file string, lookupEnv func(string) (string, bool), overrides map[string]string) (*Settings, error) {
	return load(&loader{lookupEnv: lookupEnv}, file, overrides)
}

func load(l *loader, file string, overrides map[string]string) (*Settings, error) {
	l.set = &Settings{sources: make(map[string]string)}
	if file == "" {
		file = l.env("EARSHOT_CONFIG")
	}
	l.file(file)
	l.environment()
	l.flags(overrides)
	if len(l.problems) == 0 {
		l.finish()
	}
	if len(l.problems) > 0 {
		return nil, &Errors{What: "the host's settings", Problems: l.problems}
	}
	return l.set, nil
}

// loader fills set from one source after the other.
type loader struct {
	lookupEnv func(string) (string, bool)
	// secrets are read only if it is set.
	secrets  bool
	set      *Settings
	problems []strictyaml.Problem
}

func (l *loader) env(name string) string {
	if l.lookupEnv == nil {
		return ""
	}
	v, _ := l.lookupEnv(name)
	return v
}

func (l *loader) fail(where, message string) {
	l.problems = append(l.problems, strictyaml.Problem{File: where, Message: message})
}

// find returns the first path that is there.
func find(paths ...string) string {
	for _, p := range paths {
		if _, err := os.Stat(p); !errors.Is(err, fs.ErrNotExist) {
			return p
		}
	}
	return ""
}

func (l *loader) file(path string) {
	if path == "" {
		if path = find("host.yaml", filepath.Join(systemDir, "host.yaml")); path == "" {
			return
		}
	}
	data, err := strictyaml.ReadFile(path)
	if err != nil {
		l.fail(path, "cannot be read: "+strictyaml.Cause(err))
		return
	}
	l.set.File = absolute("", path)
	doc := strictyaml.Parse(path, data)
	if doc.Root != nil {
		l.keys(doc, filepath.Dir(l.set.File))
		if db := doc.Root.Get("database"); db != nil && db.Get("dsn") != nil && db.Get("dsn_file") != nil {
			doc.Fail(db.Get("dsn_file"), "database has both dsn and dsn_file; leave one out")
		}
	}
	var problems *Errors
	if errors.As(doc.Err(), &problems) {
		l.problems = append(l.problems, problems.Problems...)
	}
}

// keys reads the keys of host.yaml, which are the names of Keys cut at the dot.
func (l *loader) keys(doc *strictyaml.Doc, dir string) {
	top := make(strictyaml.Keys)
	sections := make(map[string]strictyaml.Keys)
	for _, k := range keys {
		read := func(n *strictyaml.Node) { l.key(doc, n, k, dir) }
		if k.section == "" {
			top[k.name] = read
			continue
		}
		if sections[k.section] == nil {
			sections[k.section] = make(strictyaml.Keys)
			top[k.section] = func(n *strictyaml.Node) { doc.Fields(n, k.section, sections[k.section]) }
		}
		sections[k.section][k.name] = read
	}
	doc.Fields(doc.Root, "", top)
}

func (l *loader) key(doc *strictyaml.Doc, n *strictyaml.Node, k key, dir string) {
	where := k.full()
	from := source{place: doc.Place(n), dir: dir}
	switch {
	case k.list && n.Kind == strictyaml.List:
		var items []string
		doc.Strings(n, where, func(_ *strictyaml.Node, s string) { items = append(items, s) })
		from.list = items
	case k.secret && strictyaml.Named(n) && !l.secrets:
		from.text = unread
	case k.secret && strictyaml.Named(n):
		v, ok := doc.Secret(n, where, dir, l.lookupEnv)
		if !ok {
			return
		}
		from.text = v
	case !n.Scalar():
		doc.Fail(n, "%s must be %s", where, k.want)
		return
	default:
		from.text = n.Text
	}
	if err := l.apply(k, from); err != nil {
		doc.Fail(n, "%s must be %s", where, k.want)
	}
}

func (l *loader) environment() {
	for _, k := range keys {
		if l.lookupEnv == nil {
			return
		}
		// An empty variable is what an unset one looks like in many a unit file.
		if v := l.env(k.env()); v != "" {
			if err := l.apply(k, source{place: "environment " + k.env(), text: v}); err != nil {
				l.fail("environment "+k.env(), "must be "+k.want)
			}
		}
	}
	if l.env("EARSHOT_DATABASE_DSN") != "" && l.env("EARSHOT_DATABASE_DSN_FILE") != "" {
		l.fail("environment EARSHOT_DATABASE_DSN", "EARSHOT_DATABASE_DSN_FILE is set too; leave one out")
	}
}

func (l *loader) flags(overrides map[string]string) {
	for _, k := range keys {
		if v, ok := overrides[k.full()]; ok {
			if err := l.apply(k, source{place: "flag --" + k.flag, text: v}); err != nil {
				l.fail("flag --"+k.flag, "must be "+k.want)
			}
		}
	}
}

// source is where a value comes from: relative paths begin at dir.
type source struct {
	place string
	text  string
	list  []string
	dir   string
}

func (l *loader) apply(k key, from source) error {
	if err := k.set(l.set, from); err != nil {
		return err
	}
	l.set.sources[k.full()] = from.place
	return nil
}

// absolute makes a path absolute, from dir or else from the current folder.
func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	abs, err := filepath.Abs(filepath.Join(dir, path))
	if err != nil {
		return path
	}
	return abs
}
