package registry

import (
	"maps"
	"strings"

	"github.com/earshot-host/earshot/host/internal/strictyaml"
)

// target is one listener of an entry of events.
type target struct {
	listener *Listener
	when     []condition
}

// entry is one key of events: an event's name, or what names begin with.
type entry struct {
	key     string
	prefix  string // of an entry with a wildcard
	targets []target
}

const maxEventName = 100

func (p *parser) events(n *strictyaml.Node) {
	if !p.IsMap(n, "events") {
		return
	}
	for _, e := range n.Entries {
		name := e.Key.Text
		en := &entry{key: name, targets: p.targets(e.Value, name)}
		p.reg.entries = append(p.reg.entries, en)
		switch prefix, wild := strings.CutSuffix(name, "*"); {
		case !validEvent(prefix) || name == "" || len(name) > maxEventName:
			p.FailHint(e.Key, "it takes 1 to 100 printable ASCII characters without spaces; * may stand alone or end it, as in appointment.*", "%q is not the name of an event", name)
		case wild && prefix != "" && !strings.HasSuffix(prefix, "."):
			p.FailHint(e.Key, "write "+prefix+".*", "in %q the * does not stand after a dot", name)
		case wild:
			en.prefix = prefix
			p.reg.wild = append(p.reg.wild, en)
		default:
			p.reg.exact[name] = en
		}
	}
}

func validEvent(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == '*' })
}

// targets reads who is told of an event.
func (p *parser) targets(n *strictyaml.Node, event string) []target {
	where := "events." + event
	if n.Kind != strictyaml.List {
		hint := "write [] if nobody is to be told"
		if n.Kind == strictyaml.Text {
			hint = "write [" + n.Text + "]"
		}
		p.FailHint(n, hint, "%s must be a list of listeners", where)
		return nil
	}
	var targets []target
	plain := make(map[string]int)
	for _, item := range n.Items {
		name, t := item, target{}
		if item.Kind == strictyaml.Map && len(item.Entries) == 1 {
			name = item.Entries[0].Key
			t.when = p.route(item.Entries[0].Value, where+"."+name.Text)
		} else if item.Kind != strictyaml.Text && item.Kind != strictyaml.Number {
			p.Fail(item, "%s must list names of listeners, or one name with its conditions, such as email: {when: {customer.email: present}}", where)
			continue
		}
		if !p.known(name) {
			continue
		}
		if line := plain[name.Text]; line > 0 && t.when == nil {
			p.Fail(name, "listener %q is here a second time; the first is in line %d", name.Text, line)
		}
		if t.when == nil {
			plain[name.Text] = max(name.Line, 1)
		}
		t.listener = p.reg.Listeners[name.Text]
		targets = append(targets, t)
	}
	return targets
}

// known marks a listener as told of something, and reports whether there is one.
func (p *parser) known(name *strictyaml.Node) bool {
	if p.nodes[name.Text] != nil {
		p.used[name.Text] = true
		return true
	}
	hint := strictyaml.Suggest(name.Text, maps.Keys(p.nodes))
	if hint == "" {
		hint = "define it under listeners"
	}
	p.FailHint(name, hint, "listener %q is not defined", name.Text)
	return false
}

// route reads what is said of one listener in one entry.
func (p *parser) route(n *strictyaml.Node, where string) []condition {
	var when []condition
	p.Fields(n, where, strictyaml.Keys{
		"when": func(n *strictyaml.Node) { when = p.when(n, where+".when") },
	})
	return when
}

func (p *parser) when(n *strictyaml.Node, where string) []condition {
	if !p.IsMap(n, where) {
		return nil
	}
	var when []condition
	for _, e := range n.Entries {
		if !pathPattern.MatchString(e.Key.Text) {
			p.Fail(e.Key, "%q in %s is not a path into the payload, such as customer.phone_number", e.Key.Text, where)
			continue
		}
		c := condition{path: split(e.Key.Text)}
		switch v := e.Value; {
		case v.Kind == strictyaml.Text && v.Text == "present":
			c.kind = present
		case v.Kind == strictyaml.Text && v.Text == "absent":
			c.kind = absent
		case v.Scalar():
			c.values = []value{valueOf(v)}
		case v.Kind == strictyaml.List && len(v.Items) > 0:
			for _, item := range v.Items {
				if !item.Scalar() {
					p.Fail(item, "%s.%s must list plain values", where, e.Key.Text)
					continue
				}
				c.values = append(c.values, valueOf(item))
			}
		default:
			p.FailHint(v, "for no value write absent", "%s.%s must be a value, a list of values, present or absent", where, e.Key.Text)
		}
		when = append(when, c)
	}
	return when
}
