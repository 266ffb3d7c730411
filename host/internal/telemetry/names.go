package telemetry

import (
	"slices"
	"strings"

	"github.com/earshot-host/earshot/host/internal/registry"
)

// names are the entries of events.yaml. What the table holds beside them is of
// others' making, and without end: it counts as "other".
type names struct{ entries []string }

func namesOf(routes *registry.Registry) *names {
	entries := routes.Events()
	// The longest wildcard says the most.
	slices.SortFunc(entries, func(a, b string) int { return len(b) - len(a) })
	return &names{entries}
}

// label returns the entry that an event goes by, a wildcard as written.
func (n *names) label(event string) string {
	if n == nil {
		return "other"
	}
	if slices.Contains(n.entries, event) {
		return event
	}
	for _, e := range n.entries {
		if prefix, wild := strings.CutSuffix(e, "*"); wild && strings.HasPrefix(event, prefix) {
			return e
		}
	}
	return "other"
}
