package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"path/filepath"
	"slices"
	"strings"

	"github.com/earshot-host/earshot/host/internal/strictyaml"
)

// Errors are all the mistakes of a file at once, each with its place.
type Errors = strictyaml.Errors

// Problem is one of them.
type Problem = strictyaml.Problem

// Options of Load. Zero values are the defaults.
type Options struct {
	// LookupEnv reads {env: NAME}; nil finds nothing.
	LookupEnv func(string) (string, bool)
	// SkipSecrets puts <secret> where a secret belongs and reads none, to look at
	// a file where its secrets are not.
	SkipSecrets bool
	// NoDeadline names the listener whose calls may take for ever, because
	// somebody debugs its plugin; empty for none.
	NoDeadline string
}

// forever is longer than anybody debugs.
const forever = 365 * day

// Load reads events.yaml. Its error is an *Errors when the file can be blamed.
func Load(path string, opt Options) (*Registry, error) {
	data, err := strictyaml.ReadFile(path)
	if err != nil {
		return nil, &Errors{What: path, Problems: []strictyaml.Problem{{File: path, Message: "cannot be read: " + strictyaml.Cause(err)}}}
	}
	return Parse(path, data, opt)
}

// Parse reads data as the content of the file at path.
func Parse(path string, data []byte, opt Options) (*Registry, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find the folder of %s: %w", path, err)
	}
	p := &parser{
		Doc: strictyaml.Parse(path, data), opt: opt, hash: sha256.New(), used: make(map[string]bool),
		reg: &Registry{
			Listeners: make(map[string]*Listener),
			Dir:       filepath.Dir(abs),
			exact:     make(map[string]*entry),
			configs:   make(map[string]keyed),
		},
	}
	p.reg.doc = p.Doc
	p.hash.Write(data)
	if p.Root != nil {
		p.file(p.Root)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	p.finish()
	return p.reg, nil
}

// parser reads one file into reg.
type parser struct {
	*strictyaml.Doc
	opt  Options
	reg  *Registry
	hash hash.Hash
	// nodes of listeners by name, also of those with mistakes: an event that
	// names one is not a second mistake.
	nodes map[string]*strictyaml.Node
	used  map[string]bool
}

const version = "1"

func (p *parser) file(root *strictyaml.Node) {
	var defaults, listeners, events, ver *strictyaml.Node
	keep := func(at **strictyaml.Node) func(*strictyaml.Node) {
		return func(n *strictyaml.Node) { *at = n }
	}
	p.Fields(root, "", strictyaml.Keys{
		"version":   keep(&ver),
		"defaults":  keep(&defaults),
		"listeners": keep(&listeners),
		"events":    keep(&events),
		"unmatched": func(n *strictyaml.Node) {
			word, _ := p.OneOf(n, "unmatched", "fail", "process")
			p.reg.process = word == "process"
		},
	})
	if root.Kind != strictyaml.Map && root.Kind != strictyaml.Null {
		return
	}
	switch {
	case ver == nil:
		p.FailHint(root, "write at the top: version: 1", "version is missing")
	case ver.Kind != strictyaml.Number || ver.Text != version:
		p.Fail(ver, "version must be %s, which is the only one that this host reads", version)
	}
	for name, n := range map[string]*strictyaml.Node{"listeners": listeners, "events": events} {
		if n == nil {
			p.FailHint(root, "an empty one is: "+name+": {}", "%s is missing", name)
		}
	}
	base := p.defaults(defaults)
	if listeners != nil {
		p.listeners(listeners, base)
	}
	if events != nil {
		p.events(events)
	}
}

// finish works out what is asked for often.
func (p *parser) finish() {
	r := p.reg
	for name, l := range r.Listeners {
		r.names = append(r.names, name)
		r.ordered = r.ordered || l.OrderBy != ""
		if name == p.opt.NoDeadline {
			l.Timeout = forever
		}
		if !p.used[name] {
			p.warn(p.nodes[name], "listener %q is in no event: it is never told anything", name)
		}
	}
	slices.Sort(r.names)
	slices.Sort(r.warnings)
	slices.Sort(r.secrets)
	r.secrets = slices.Compact(r.secrets)
	r.Hash = hex.EncodeToString(p.hash.Sum(nil))
}

func (p *parser) warn(n *strictyaml.Node, format string, args ...any) {
	p.reg.warnings = append(p.reg.warnings, p.Place(n)+": "+fmt.Sprintf(format, args...))
}

const hidden = "<secret>"

// secret reads {env: NAME} or {file: path}.
func (p *parser) secret(n *strictyaml.Node, where string) string {
	if p.opt.SkipSecrets {
		p.String(n.Entries[0].Value, where)
		return hidden
	}
	v, _ := p.Secret(n, where, p.reg.Dir, p.opt.LookupEnv)
	if path := n.Get("file"); path != nil && v != "" {
		file := path.Text
		if !filepath.IsAbs(file) {
			file = filepath.Join(p.reg.Dir, file)
		}
		if strictyaml.Exposed(file) {
			p.warn(path, "secret file %s can be read by everybody; run: chmod o-r %s", path.Text, path.Text)
		}
	}
	fmt.Fprintf(p.hash, "\x00%d:%s", len(v), v)
	p.hide(v)
	return v
}

// hide remembers a value that must not be printed.
func (p *parser) hide(v string) {
	const shortest = 4
	for _, line := range strings.Split(v, "\n") {
		if len(line) >= shortest {
			p.reg.secrets = append(p.reg.secrets, line)
		}
	}
}
