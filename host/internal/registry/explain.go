package registry

import (
	"maps"
	"strings"

	"github.com/earshot-host/earshot/host/internal/strictyaml"
)

// Match is what one entry of events means for one listener.
type Match struct {
	// Entry is the key in events, a wildcard as written.
	Entry    string `json:"entry"`
	Listener string `json:"listener"`
	// When holds the conditions in words.
	When []string `json:"when,omitempty"`
	// Told says that this entry makes the listener be told; Why not, if not.
	Told bool   `json:"told"`
	Why  string `json:"why,omitempty"`
	// Depends says that it hangs on the conditions, since no payload was given.
	Depends bool `json:"depends,omitempty"`
}

// Routes returns all entries in the order of the file, as if every condition
// held. An entry that tells nobody has one Match without a listener.
func (r *Registry) Routes() []Match {
	var all []Match
	for _, e := range r.entries {
		all = append(all, e.matches()...)
	}
	return all
}

// Explain says which entries an event matches and what they come to; none for
// an event without an entry. A nil payload takes every condition to hold; any
// other must be a JSON object.
func (r *Registry) Explain(event string, payload []byte) []Match {
	var all []Match
	told := make(map[string]string)
	for _, e := range r.entries {
		if e != r.exact[event] && !(e.wild() && strings.HasPrefix(event, e.prefix)) {
			continue
		}
		for i, m := range e.matches() {
			switch by := told[m.Listener]; {
			case m.Listener == "":
			case by != "":
				m.Told, m.Why = false, "is told already, by "+by
			default:
				for j, c := range e.targets[i].when {
					if payload != nil && !c.holds(payload) {
						m.Told, m.Why = false, "it is not so that "+m.When[j]
						break
					}
				}
			}
			m.Depends = m.Told && payload == nil && len(m.When) > 0
			if m.Told && !m.Depends {
				told[m.Listener] = m.Entry
			}
			all = append(all, m)
		}
	}
	return all
}

// Nearest is a hint at the entry that event may have been meant for; it begins
// with "; ", and is empty if none is near.
func (r *Registry) Nearest(event string) string {
	if hint := strictyaml.Suggest(event, maps.Keys(r.exact)); hint != "" {
		return "; " + hint
	}
	return ""
}

func (e *entry) wild() bool { return strings.HasSuffix(e.key, "*") }

func (e *entry) matches() []Match {
	if len(e.targets) == 0 {
		return []Match{{Entry: e.key, Why: "nobody is to be told"}}
	}
	var all []Match
	for _, t := range e.targets {
		m := Match{Entry: e.key, Listener: t.listener.Name, Told: true}
		for _, c := range t.when {
			m.When = append(m.When, c.String())
		}
		all = append(all, m)
	}
	return all
}

// String puts the condition into words.
func (c condition) String() string {
	path := strings.Join(c.path, ".")
	switch c.kind {
	case present:
		return path + " is present"
	case absent:
		return path + " is absent"
	}
	var values []string
	for _, v := range c.values {
		values = append(values, v.text)
	}
	return path + " is " + strings.Join(values, " or ")
}
