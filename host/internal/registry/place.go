package registry

import (
	"strconv"
	"strings"

	"github.com/earshot-host/earshot/host/internal/strictyaml"
)

// ConfigFault is something in a listener's config that its plugin refuses.
type ConfigFault struct {
	Listener string
	// Path are the keys, and the indexes of lists, below config. Key says that
	// the last one is at fault, and not its value.
	Path []string
	Key  bool
	// Message is about the place: "must be text, not a list".
	Message string
	Hint    string
}

// At puts faults in their places: its error is an *Errors like that of Load,
// and nil if there are none.
func (r *Registry) At(faults []ConfigFault) error {
	d := r.doc.Fresh()
	for _, f := range faults {
		where, key, value := r.configs[f.Listener].walk("listeners."+f.Listener+".config", f.Path)
		if f.Key || value == nil {
			d.FailKey(key, f.Hint, "%s: %s", where, f.Message)
			continue
		}
		d.FailHint(value, f.Hint, "%s: %s", where, f.Message)
	}
	return d.Err()
}

// walk follows path as far as the file goes: value is nil if it ends before.
func (at keyed) walk(where string, path []string) (name string, key, value *strictyaml.Node) {
	key, value = at.key, at.value
	for _, step := range path {
		if i, err := strconv.Atoi(step); err == nil && (value == nil || value.Kind == strictyaml.List) {
			where += "[" + step + "]"
			if value != nil && i >= 0 && i < len(value.Items) {
				key, value = value.Items[i], value.Items[i]
				continue
			}
			value = nil
			continue
		}
		where += "." + step
		if value == nil {
			continue
		}
		e := entryOf(value, step)
		if e == nil {
			value = nil
			continue
		}
		key, value = e.Key, e.Value
	}
	return where, key, value
}

func entryOf(n *strictyaml.Node, key string) *strictyaml.Entry {
	for i := range n.Entries {
		if n.Entries[i].Key.Text == key {
			return &n.Entries[i]
		}
	}
	return nil
}

// ConfigPath takes dotted keys apart, such as a.b[0], by what is in the
// listener's config: a key may have a dot in it.
func (r *Registry) ConfigPath(listener, dotted string) []string {
	var path []string
	n := r.configs[listener].value
	for rest := dotted; rest != ""; {
		name, after := head(n, rest)
		path = append(path, name)
		if n != nil && n.Kind == strictyaml.List {
			i, err := strconv.Atoi(name)
			if err == nil && i < len(n.Items) && i >= 0 {
				n = n.Items[i]
			} else {
				n = nil
			}
		} else if n != nil {
			n = n.Get(name)
		}
		rest = after
	}
	return path
}

// head is the first step of a dotted path from n, and the rest of it.
func head(n *strictyaml.Node, path string) (name, rest string) {
	if inner, ok := strings.CutPrefix(path, "["); ok {
		name, rest, _ = strings.Cut(inner, "]")
		return name, strings.TrimPrefix(rest, ".")
	}
	if n != nil {
		for _, e := range n.Entries {
			after, ok := strings.CutPrefix(path, e.Key.Text)
			if ok && len(e.Key.Text) > len(name) && (after == "" || after[0] == '.' || after[0] == '[') {
				name, rest = e.Key.Text, strings.TrimPrefix(after, ".")
			}
		}
		if name != "" {
			return name, rest
		}
	}
	end := strings.IndexAny(path, ".[")
	if end <= 0 {
		return path, ""
	}
	return path[:end], strings.TrimPrefix(path[end:], ".")
}
