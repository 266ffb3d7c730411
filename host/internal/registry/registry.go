// Package registry reads events.yaml: which listeners there are, and which of
// them is told of which event. A Registry never changes; a changed file makes
// a new one.
//
// load.go reads the file, listener.go and route.go its two halves, plan.go
// routes an event, filter.go cuts a payload down to what a listener may see.
package registry

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/strictyaml"
)

// Registry says who listens to what. It is safe for concurrent use.
type Registry struct {
	// Listeners by name.
	Listeners map[string]*Listener
	// Dir is the folder of events.yaml; paths in the file are relative to it.
	Dir string
	// Hash changes whenever the file changes, or what a secret holds that it names.
	Hash string

	names []string
	// entries of events in the order of the file; exact and wild point into them.
	entries []*entry
	exact   map[string]*entry
	wild    []*entry
	// process says that an event without a matching entry is done, not failed.
	process  bool
	ordered  bool
	secrets  []string
	warnings []string
	// doc and configs are where mistakes are looked for that only plugins see.
	doc     *strictyaml.Doc
	configs map[string]keyed
}

// keyed is the place of a listener's config; value is nil if it has none, and
// key is the listener's own then.
type keyed struct{ key, value *strictyaml.Node }

// Listener is one who can be told, with defaults applied.
type Listener struct {
	Name string
	// Plugin is the name of the plugin to be found in the plugin folders. Path is
	// set instead when events.yaml names a file; it is absolute.
	Plugin string
	Path   string
	// SHA256 pins the binary, in lower-case hex; empty pins nothing.
	SHA256 string
	// Env is given to the plugin's process, which inherits nothing else of ours.
	Env map[string]string
	// Config is a JSON object for the plugin, secrets included: never print it.
	Config json.RawMessage
	// Shown is Config with <secret> in the place of secrets.
	Shown json.RawMessage
	// Timeout is the deadline of one call.
	Timeout time.Duration
	Retry   event.Policy
	// Concurrency is how many calls may run at once, at least 1.
	Concurrency int
	// Rate bounds the attempts over all hosts; zero is no bound.
	Rate event.Rate
	// OrderBy is a dotted path into the payload: events with equal values there
	// are delivered one after the other. Empty for no order.
	OrderBy string
	// Only and Drop are the dotted paths of payload: {only, drop}.
	Only, Drop []string

	// hiddenEnv names what in Env is secret.
	hiddenEnv  map[string]bool
	orderBy    []string
	only, drop [][]string
}

// ShownEnv is Env with <secret> in the place of secrets.
func (l *Listener) ShownEnv() map[string]string {
	shown := maps.Clone(l.Env)
	for name := range l.hiddenEnv {
		shown[name] = hidden
	}
	return shown
}

// Names returns the names of all listeners in order. Do not change it.
func (r *Registry) Names() []string {
	return r.names
}

// Ordered reports whether a listener has an order to keep.
func (r *Registry) Ordered() bool { return r.ordered }

// Events returns the keys of events in the order of the file, wildcards as written.
func (r *Registry) Events() []string {
	var keys []string
	for _, e := range r.entries {
		keys = append(keys, e.key)
	}
	return keys
}

// Secrets returns the values that must never be printed, to be cut from logs.
// Values of fewer than four characters are left out: they would cut all else.
func (r *Registry) Secrets() []string { return slices.Clone(r.secrets) }

// Warnings returns what is allowed but probably not meant.
func (r *Registry) Warnings() []string { return slices.Clone(r.warnings) }
