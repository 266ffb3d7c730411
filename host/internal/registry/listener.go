package registry

import (
	"bytes"
	"encoding/hex"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/strictyaml"
)

// What a listener gets that says nothing itself.
const (
	defaultTimeout     = 30 * time.Second
	defaultConcurrency = 4
)

var (
	listenerName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,99}$`)
	pluginName   = listenerName
	envName      = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	rate         = regexp.MustCompile(`^([1-9][0-9]{0,5})/(s|m|h)$`)
	pathPattern  = regexp.MustCompile(`^[^.*]+(\.[^.*]+)*$`)
	globPattern  = regexp.MustCompile(`^([^.*]+\*?|\*)(\.([^.*]+\*?|\*))*$`)
)

// defaults reads what all listeners start from.
func (p *parser) defaults(n *strictyaml.Node) *Listener {
	base := &Listener{
		Timeout: defaultTimeout, Concurrency: defaultConcurrency, Retry: event.DefaultPolicy(),
		Env: make(map[string]string), hiddenEnv: make(map[string]bool),
	}
	if n != nil {
		p.Fields(n, "defaults", p.shared(base, "defaults"))
		p.checkRetry(n, base, "defaults")
	}
	return base
}

func (p *parser) listeners(n *strictyaml.Node, base *Listener) {
	p.nodes = make(map[string]*strictyaml.Node)
	if !p.IsMap(n, "listeners") {
		return
	}
	for _, e := range n.Entries {
		name := e.Key.Text
		p.nodes[name] = e.Key
		if !listenerName.MatchString(name) {
			p.Fail(e.Key, "listener name %q may hold only a-z, 0-9, - and _, begin with a letter or digit, and be 100 long at most", name)
			continue
		}
		p.reg.Listeners[name] = p.listener(e, base)
	}
}

func (p *parser) listener(e strictyaml.Entry, base *Listener) *Listener {
	l := *base
	l.Name = e.Key.Text
	l.Env, l.hiddenEnv = maps.Clone(base.Env), maps.Clone(base.hiddenEnv)
	l.Only, l.Drop = slices.Clone(base.Only), slices.Clone(base.Drop)
	l.Config, l.Shown = []byte("{}"), []byte("{}")
	where := "listeners." + l.Name

	keys := p.shared(&l, where)
	named := false
	keys["plugin"] = func(n *strictyaml.Node) { named = true; p.plugin(n, &l, where+".plugin") }
	keys["config"] = func(n *strictyaml.Node) { p.config(n, &l, where+".config") }
	keys["sha256"] = func(n *strictyaml.Node) {
		l.SHA256 = strings.ToLower(n.Text)
		if sum, err := hex.DecodeString(l.SHA256); n.Kind != strictyaml.Text || err != nil || len(sum) != 32 {
			p.FailHint(n, "sha256sum prints it; keep it in quotes", "%s.sha256 must be 64 hex digits", where)
		}
	}
	p.Fields(e.Value, where, keys)
	p.reg.configs[l.Name] = keyed{key: e.Key}
	if c := entryOf(e.Value, "config"); c != nil {
		p.reg.configs[l.Name] = keyed{c.Key, c.Value}
	}
	if !named && (e.Value.Kind == strictyaml.Map || e.Value.Kind == strictyaml.Null) {
		p.FailHint(e.Key, "such as plugin: email", "%s has no plugin", where)
	}
	p.checkRetry(e.Value, &l, where)
	l.orderBy = split(l.OrderBy)
	for _, path := range l.Only {
		l.only = append(l.only, split(path))
	}
	for _, path := range l.Drop {
		l.drop = append(l.drop, split(path))
	}
	return &l
}

// shared reads the keys that a listener and defaults have in common.
func (p *parser) shared(l *Listener, where string) strictyaml.Keys {
	return strictyaml.Keys{
		"timeout": func(n *strictyaml.Node) {
			l.Timeout, _ = p.Duration(n, where+".timeout", 100*time.Millisecond, time.Hour)
		},
		"concurrency": func(n *strictyaml.Node) { l.Concurrency, _ = p.Int(n, where+".concurrency", 1, 1000) },
		"rate":        func(n *strictyaml.Node) { l.Rate = p.rate(n, where+".rate") },
		"order_by": func(n *strictyaml.Node) {
			l.OrderBy = p.path(n, where+".order_by", pathPattern, "such as appointment.id")
		},
		"env":     func(n *strictyaml.Node) { p.env(n, l, where+".env") },
		"retry":   func(n *strictyaml.Node) { p.retry(n, &l.Retry, where+".retry") },
		"payload": func(n *strictyaml.Node) { p.payload(n, l, where+".payload") },
	}
}

func (p *parser) plugin(n *strictyaml.Node, l *Listener, where string) {
	text, ok := p.String(n, where)
	switch {
	case !ok:
	case strings.ContainsAny(text, `/\`):
		l.Path = text
		if !filepath.IsAbs(text) {
			l.Path = filepath.Join(p.reg.Dir, text)
		}
	case !pluginName.MatchString(text):
		p.FailHint(n, "a file is written with a slash: ./"+text, "%s must be a plugin's name, such as email, or a path, not %q", where, text)
	default:
		l.Plugin = text
	}
}

func (p *parser) retry(n *strictyaml.Node, r *event.Policy, where string) {
	p.Fields(n, where, strictyaml.Keys{
		"max_attempts": func(n *strictyaml.Node) { r.MaxAttempts, _ = p.Int(n, where+".max_attempts", 1, 1000) },
		"first":        func(n *strictyaml.Node) { r.First, _ = p.Duration(n, where+".first", time.Second, 7*day) },
		"factor":       func(n *strictyaml.Node) { r.Factor, _ = p.Float(n, where+".factor", 1, 100) },
		"max":          func(n *strictyaml.Node) { r.Max, _ = p.Duration(n, where+".max", time.Second, 30*day) },
		"jitter":       func(n *strictyaml.Node) { r.Jitter, _ = p.Float(n, where+".jitter", 0, 1) },
	})
}

const day = 24 * time.Hour

// checkRetry compares what only together can be wrong.
func (p *parser) checkRetry(n *strictyaml.Node, l *Listener, where string) {
	retry := n.Get("retry")
	if retry != nil && l.Retry.Max > 0 && l.Retry.Max < l.Retry.First {
		p.Fail(retry, "%s.retry: max (%s) is shorter than first (%s)", where, strictyaml.FormatDuration(l.Retry.Max), strictyaml.FormatDuration(l.Retry.First))
	}
}

func (p *parser) rate(n *strictyaml.Node, where string) event.Rate {
	m := rate.FindStringSubmatch(n.Text)
	if n.Kind != strictyaml.Text || m == nil {
		p.Fail(n, "%s must be a number per s, m or h, such as 30/m", where)
		return event.Rate{}
	}
	events, _ := strconv.Atoi(m[1]) // six digits at most
	return event.Rate{Events: events, Per: map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[m[2]]}
}

func (p *parser) env(n *strictyaml.Node, l *Listener, where string) {
	if !p.IsMap(n, where) {
		return
	}
	for _, e := range n.Entries {
		name := e.Key.Text
		switch {
		case !envName.MatchString(name):
			p.Fail(e.Key, "%q cannot be the name of an environment variable", name)
		case strictyaml.Named(e.Value):
			l.Env[name], l.hiddenEnv[name] = p.secret(e.Value, where+"."+name), true
		case e.Value.Scalar():
			l.Env[name] = e.Value.Text
			delete(l.hiddenEnv, name)
			if literal(name, e.Value) {
				l.hiddenEnv[name] = true
				p.hide(e.Value.Text)
				p.warn(e.Value, "%s.%s is written in clear; write {file: path} or {env: NAME}", where, name)
			}
			if strings.ContainsRune(e.Value.Text, 0) {
				p.Fail(e.Value, "%s.%s holds a NUL character", where, name)
			}
		default:
			p.Fail(e.Value, "%s.%s must be text, {env: NAME} or {file: path}", where, name)
		}
	}
}

// payload reads which parts of a payload the listener gets. What defaults drop
// stays dropped.
func (p *parser) payload(n *strictyaml.Node, l *Listener, where string) {
	p.Fields(n, where, strictyaml.Keys{
		"only": func(n *strictyaml.Node) {
			l.Only = nil
			p.Strings(n, where+".only", func(n *strictyaml.Node, s string) {
				l.Only = append(l.Only, p.path(n, where+".only", globPattern, "such as customer.first_name"))
			})
			if n.Kind == strictyaml.List && len(n.Items) == 0 {
				p.FailHint(n, "leave it out to pass everything", "%s is an empty list", where+".only")
			}
		},
		"drop": func(n *strictyaml.Node) {
			p.Strings(n, where+".drop", func(n *strictyaml.Node, s string) {
				if path := p.path(n, where+".drop", globPattern, "such as provider.settings.caldav_*"); !slices.Contains(l.Drop, path) {
					l.Drop = append(l.Drop, path)
				}
			})
		},
	})
}

func (p *parser) path(n *strictyaml.Node, where string, pattern *regexp.Regexp, example string) string {
	s, ok := p.String(n, where)
	if ok && !pattern.MatchString(s) {
		p.Fail(n, "%q in %s is not a path into the payload, %s", s, where, example)
	}
	return s
}

func split(path string) []string {
	if path == "" {
		return nil
	}
	return strings.Split(path, ".")
}

// config makes the plugin's configuration, with and without its secrets.
func (p *parser) config(n *strictyaml.Node, l *Listener, where string) {
	if !p.IsMap(n, where) || n.Kind == strictyaml.Null {
		return
	}
	quoted := strictyaml.Quote(hidden)
	// The config itself is no scalar's place: {file: x} there is a key of the plugin.
	l.Config = n.AppendJSON(nil, where, func(where, key string, v *strictyaml.Node) []byte {
		if v == n {
			return nil
		}
		if strictyaml.Named(v) {
			return strictyaml.Quote(p.secret(v, where))
		}
		if literal(key, v) {
			p.hide(v.Text)
			p.warn(v, "%s is written in clear; write {file: path} or {env: NAME}", where)
		}
		return nil
	})
	l.Shown = n.AppendJSON(nil, where, func(_, key string, v *strictyaml.Node) []byte {
		if v != n && strictyaml.Named(v) || literal(key, v) {
			return quoted
		}
		return nil
	})
	if bytes.Equal(l.Config, l.Shown) {
		l.Shown = l.Config
	}
}

// literal reports whether v is a secret written into the file.
func literal(key string, v *strictyaml.Node) bool {
	return v.Kind == strictyaml.Text && v.Text != "" && strictyaml.LooksSecret(key)
}
