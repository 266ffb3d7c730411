package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/earshot-host/earshot/host/internal/event"
)

// maxOrderingKey is what fits the column in any character set.
const maxOrderingKey = 100

// Plan says who is told of an event. Every entry of events that matches its
// name counts; a listener is told once.
func (r *Registry) Plan(ev event.Event) event.Plan {
	if err := CheckPayload(ev.Payload); err != nil {
		return event.Plan{Refused: err.Error()}
	}
	var plan event.Plan
	exact, matched := r.exact[ev.Name]
	if matched {
		plan.Targets = add(nil, exact.targets, ev.Payload)
	}
	for _, e := range r.wild {
		if strings.HasPrefix(ev.Name, e.prefix) {
			matched = true
			plan.Targets = add(plan.Targets, e.targets, ev.Payload)
		}
	}
	if !matched && !r.process {
		plan.Refused = fmt.Sprintf("no listener is registered for %q; add it to events in events.yaml, then run: earshot queue retry %d", ev.Name, ev.ID)
	}
	return plan
}

func add(to []event.Target, targets []target, payload []byte) []event.Target {
next:
	for _, t := range targets {
		for _, have := range to {
			if have.Listener == t.listener.Name {
				continue next
			}
		}
		for _, c := range t.when {
			if !c.holds(payload) {
				continue next
			}
		}
		if to == nil {
			to = make([]event.Target, 0, len(targets))
		}
		to = append(to, event.Target{Listener: t.listener.Name, OrderingKey: t.listener.orderingKey(payload)})
	}
	return to
}

// orderingKey is the value at order_by; empty if the payload has none.
func (l *Listener) orderingKey(payload []byte) string {
	if l.orderBy == nil {
		return ""
	}
	raw := lookup(payload, l.orderBy)
	if empty(raw) || raw[0] == '{' || raw[0] == '[' {
		return ""
	}
	key := text(raw)
	if len(key) > maxOrderingKey {
		sum := sha256.Sum256([]byte(key))
		return hex.EncodeToString(sum[:])
	}
	return key
}
