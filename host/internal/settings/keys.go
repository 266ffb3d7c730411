package settings

import (
	"errors"
	"net"
	neturl "net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/earshot-host/earshot/host/internal/strictyaml"
)

// Key is one setting as a user sees it.
type Key struct {
	// Name in host.yaml, sections before a dot: run.batch.
	Name string
	// Env is the environment variable, Flag the flag without dashes; a secret
	// has no flag, since other users can read the command line.
	Env, Flag string
	// Doc says what it is and what holds without it.
	Doc string
}

// Keys returns all settings in the order of the manual.
func Keys() []Key {
	var out []Key
	for _, k := range keys {
		out = append(out, Key{Name: k.full(), Env: k.env(), Flag: k.flag, Doc: k.doc})
	}
	return out
}

// Value is a setting as it stands, a secret hidden, and where it comes from.
type Value struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`
}

// Values returns all settings in the order of Keys.
func (s *Settings) Values() []Value {
	var out []Value
	for _, k := range keys {
		from := s.sources[k.full()]
		if from == "" {
			from = "default"
		}
		out = append(out, Value{k.full(), k.show(s), from})
	}
	return out
}

// key is a setting and how it is read.
type key struct {
	section, name string
	flag          string
	doc           string
	// want finishes "must be …".
	want         string
	secret, list bool
	set          func(*Settings, source) error
	show         func(*Settings) string
}

func (k key) full() string {
	if k.section == "" {
		return k.name
	}
	return k.section + "." + k.name
}

func (k key) env() string {
	return "EARSHOT_" + strings.ToUpper(strings.ReplaceAll(k.full(), ".", "_"))
}

var (
	errValue  = errors.New("wrong value")
	tableName = regexp.MustCompile(`^[A-Za-z0-9_]{1,64}$`)
	hostName  = regexp.MustCompile(`^[!-~]{1,100}$`)
)

// keys is all that host.yaml may hold.
var keys = []key{
	{"", "events", "events", "events.yaml to read (default beside host.yaml, then ./events.yaml, then /etc/earshot/events.yaml)", "a path", false, false,
		func(s *Settings, v source) error { return path(&s.Events, v) },
		func(s *Settings) string { return s.Events }},
	{"database", "driver", "db-driver", "mysql (also for MariaDB) or sqlite (default: what the DSN looks like)", "mysql or sqlite", false, false,
		func(s *Settings, v source) error { return oneOf(&s.Database.Driver, v, "mysql", "sqlite") },
		func(s *Settings) string { return s.Database.Driver }},
	{"database", "dsn", "", "user:password@tcp(host:3306)/database for mysql, a file for sqlite (default: earshot.db in the current folder)", "text, {env: NAME} or {file: path}", true, false,
		func(s *Settings, v source) error { return dsn(s, v) },
		func(s *Settings) string { return s.Database.DSN.String() }},
	{"database", "dsn_file", "dsn-file", "a file that holds the DSN", "a path", false, false,
		func(s *Settings, v source) error {
			s.Database.DSN = Secret{}
			return path(&s.Database.dsnFile, v)
		},
		func(s *Settings) string { return s.Database.dsnFile }},
	{"database", "queue_table", "queue-table", "the application's queue table, such as ea_event_queue (default event_queue, which Earshot makes)", "the name of a table: letters, digits and _", false, false,
		func(s *Settings, v source) error { return match(&s.Database.QueueTable, v, tableName) },
		func(s *Settings) string { return s.Database.QueueTable }},
	{"", "instance", "instance", "how this host is called in leases and logs (default: the machine's name)", "a name without spaces, 100 characters at most", false, false,
		func(s *Settings, v source) error { return match(&s.Instance, v, hostName) },
		func(s *Settings) string { return s.Instance }},
	{"run", "batch", "batch", "events per claim at most, fewer where payloads are large (default 250)", "a whole number from 1 to 1000", false, false,
		func(s *Settings, v source) error { return whole(&s.Run.Batch, v, 1, 1000) },
		func(s *Settings) string { return strconv.Itoa(s.Run.Batch) }},
	{"run", "poll", "poll", "longest wait between two looks at an idle queue (default 250ms)", "a duration from 10ms to 1h, such as 2s", false, false,
		func(s *Settings, v source) error { return duration(&s.Run.Poll, v, 10*time.Millisecond, time.Hour) },
		func(s *Settings) string { return strictyaml.FormatDuration(s.Run.Poll) }},
	{"run", "lease", "lease", "how long a dead host's work waits for another (default 1m)", "a duration from 5s to 1h, such as 1m", false, false,
		func(s *Settings, v source) error { return duration(&s.Run.Lease, v, 5*time.Second, time.Hour) },
		func(s *Settings) string { return strictyaml.FormatDuration(s.Run.Lease) }},
	{"run", "drain", "drain", "how long running calls get when the host stops (default 30s)", "a duration from 1s to 1h, such as 30s", false, false,
		func(s *Settings, v source) error { return duration(&s.Run.Drain, v, time.Second, time.Hour) },
		func(s *Settings) string { return strictyaml.FormatDuration(s.Run.Drain) }},
	{"", "max_payload", "max-payload", "largest payload that is read (default 1MiB)", "a size from 1KiB to 12MiB, such as 4MiB", false, false,
		func(s *Settings, v source) error { return size(&s.MaxPayload, v, 1<<10, 12<<20) },
		func(s *Settings) string { return showSize(s.MaxPayload) }},
	{"plugins", "dirs", "plugin-dir", "where plugins are, several with : between (default: plugins beside the executable, then /usr/lib/earshot/plugins)", "a list of paths", false, true,
		func(s *Settings, v source) error { return paths(&s.Plugins.Dirs, v) },
		func(s *Settings) string { return strings.Join(s.Plugins.Dirs, string(filepath.ListSeparator)) }},
	{"", "run_dir", "run-dir", "folder for plugin sockets (default: $RUNTIME_DIRECTORY, $XDG_RUNTIME_DIR/earshot, or one of your own in the temporary folder)", "a path", false, false,
		func(s *Settings, v source) error { return path(&s.RunDir, v) },
		func(s *Settings) string { return s.RunDir }},
	{"retention", "processed", "keep-processed", "how long processed events are kept (default 30d; for ever in a table of the application's own)", "off, or a duration from 1m to 3650d, such as 30d", false, false,
		func(s *Settings, v source) error { return age(&s.Retention.Processed, v) },
		func(s *Settings) string { return showAge(s.Retention.Processed) }},
	{"retention", "failed", "keep-failed", "how long failed events are kept (default: for ever)", "off, or a duration from 1m to 3650d, such as 180d", false, false,
		func(s *Settings, v source) error { return age(&s.Retention.Failed, v) },
		func(s *Settings) string { return showAge(s.Retention.Failed) }},
	{"retention", "scrub", "scrub-after", "when the payload of a processed event is emptied, since it is about people (default: never)", "off, or a duration from 1m to 3650d, such as 1d", false, false,
		func(s *Settings, v source) error { return age(&s.Retention.Scrub, v) },
		func(s *Settings) string { return showAge(s.Retention.Scrub) }},
	{"metrics", "listen", "metrics", "address of /metrics, /-/healthy and /-/ready of a service, or off (default 127.0.0.1:8790)", "off, or an address such as 127.0.0.1:8790", false, false,
		func(s *Settings, v source) error { return address(&s.Metrics.Listen, v) },
		func(s *Settings) string { return s.Metrics.Listen }},
	{"metrics", "textfile", "metrics-textfile", "file for node_exporter's textfile collector, written after each run --once", "a path that ends in .prom", false, false,
		func(s *Settings, v source) error {
			if !strings.HasSuffix(v.text, ".prom") {
				return errValue
			}
			return path(&s.Metrics.Textfile, v)
		},
		func(s *Settings) string { return s.Metrics.Textfile }},
	{"metrics", "ping", "ping", "URL that is called after each run --once, with /fail behind it when it failed", "a URL with http or https", false, false,
		func(s *Settings, v source) error { return link(&s.Metrics.Ping, v) },
		func(s *Settings) string {
			// What follows the host is often a key.
			u, err := neturl.Parse(s.Metrics.Ping)
			if err != nil || u.Host == "" {
				return ""
			}
			return u.Scheme + "://" + u.Host + "/…"
		}},
	{"log", "level", "log-level", "trace, debug, info, warn or error (default info)", "trace, debug, info, warn or error", false, false,
		func(s *Settings, v source) error {
			return oneOf(&s.Log.Level, v, "trace", "debug", "info", "warn", "error")
		},
		func(s *Settings) string { return s.Log.Level }},
	{"log", "format", "log-format", "text or json (default text)", "text or json", false, false,
		func(s *Settings, v source) error { return oneOf(&s.Log.Format, v, "text", "json") },
		func(s *Settings) string { return s.Log.Format }},
}

// age is a duration after which something is removed; off is never.
func age(to *time.Duration, v source) error {
	if v.text == "off" {
		*to = 0
		return nil
	}
	return duration(to, v, time.Minute, 3650*24*time.Hour)
}

func showAge(d time.Duration) string {
	if d == 0 {
		return "off"
	}
	return strictyaml.FormatDuration(d)
}

func address(to *string, v source) error {
	if v.text == "off" {
		*to = ""
		return nil
	}
	if _, port, err := net.SplitHostPort(v.text); err != nil || port == "" {
		return errValue
	}
	*to = v.text
	return nil
}

func link(to *string, v source) error {
	u, err := neturl.Parse(v.text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errValue
	}
	*to = v.text
	return nil
}

func path(to *string, v source) error {
	if v.text == "" || strings.ContainsRune(v.text, 0) {
		return errValue
	}
	*to = absolute(v.dir, v.text)
	return nil
}

func paths(to *[]string, v source) error {
	list := v.list
	if list == nil {
		list = filepath.SplitList(v.text)
	}
	var out []string
	for _, p := range list {
		if p == "" {
			return errValue
		}
		out = append(out, absolute(v.dir, p))
	}
	*to = out
	return nil
}

func dsn(s *Settings, v source) error {
	if v.text == "" {
		return errValue
	}
	s.Database.dsnFile = ""
	s.Database.DSN = Secret{v.text}
	s.Database.dir = v.dir
	return nil
}

func oneOf(to *string, v source, words ...string) error {
	if !slices.Contains(words, v.text) {
		return errValue
	}
	*to = v.text
	return nil
}

func match(to *string, v source, pattern *regexp.Regexp) error {
	if !pattern.MatchString(v.text) {
		return errValue
	}
	*to = v.text
	return nil
}

func whole(to *int, v source, low, high int) error {
	n, err := strconv.Atoi(v.text)
	if err != nil || n < low || n > high {
		return errValue
	}
	*to = n
	return nil
}

func duration(to *time.Duration, v source, low, high time.Duration) error {
	d, err := strictyaml.ParseDuration(v.text)
	if err != nil || d < low || d > high {
		return errValue
	}
	*to = d
	return nil
}

var (
	sizePattern = regexp.MustCompile(`^([0-9]{1,12}) ?(B|[kK]B|KiB|MB|MiB)?$`)
	sizeUnits   = map[string]int64{"": 1, "B": 1, "kB": 1000, "KB": 1000, "KiB": 1 << 10, "MB": 1e6, "MiB": 1 << 20}
)

func showSize(n int64) string {
	switch {
	case n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + "MiB"
	case n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + "KiB"
	}
	return strconv.FormatInt(n, 10)
}

func size(to *int64, v source, low, high int64) error {
	m := sizePattern.FindStringSubmatch(v.text)
	if m == nil {
		return errValue
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || n > high || n*sizeUnits[m[2]] < low || n*sizeUnits[m[2]] > high {
		return errValue
	}
	*to = n * sizeUnits[m[2]]
	return nil
}
