package registry_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/registry"
)

// FuzzParse: whatever a file holds, it is refused with a place or makes a
// registry that can be used.
func FuzzParse(f *testing.F) {
	sample, err := os.ReadFile(shipped)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sample)
	f.Add([]byte(routes))
	f.Add(read(f, "mistakes.yaml"))
	f.Add([]byte("version: 1\ndefaults: {payload: {drop: [a.*], only: [a]}}\nlisteners: {a: {plugin: ./x, config: {p: {env: TOKEN}}}}\nevents: {'*': [a: {when: {a.b: [1, x]}}]}"))
	payload := read(f, "appointment.saved.json")
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := registry.Parse("events.yaml", data, registry.Options{SkipSecrets: true})
		if err != nil {
			if len(err.Error()) == 0 {
				t.Fatal("an error without a text")
			}
			return
		}
		for _, name := range append(r.Events(), "appointment.saved") {
			plan := r.Plan(event.Event{Name: name, Payload: payload})
			for _, target := range plan.Targets {
				if r.Listeners[target.Listener] == nil {
					t.Fatalf("%s: target %q is no listener", name, target.Listener)
				}
			}
			r.Explain(name, payload)
		}
		for _, name := range r.Names() {
			l := r.Listeners[name]
			got, err := l.Filter(payload)
			if err != nil || !json.Valid(got) || !json.Valid(l.Config) || !json.Valid(l.Shown) {
				t.Fatalf("%s: filtered %q, %v; config %s", name, got, err, l.Config)
			}
			if l.Timeout <= 0 || l.Concurrency < 1 || l.Retry.Factor < 1 || l.Retry.First <= 0 {
				t.Fatalf("%s: %+v", name, l)
			}
		}
	})
}

// FuzzPlan: no payload may take the host down.
func FuzzPlan(f *testing.F) {
	r := parse(f, routes)
	f.Add([]byte(`{"appointment":{"id":7,"status":"Booked"},"customer":{"phone_number":"1"}}`))
	f.Add([]byte(`{"a":{"b":"\u00e9\ud800"},"customer":{"phone_number":[]}}`))
	f.Add([]byte("{\"\xff\":1}"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		plan := r.Plan(event.Event{Name: "appointment.saved", Payload: payload})
		var object map[string]any
		if isObject := json.Unmarshal(payload, &object) == nil && object != nil; plan.Refused == "" && !isObject {
			t.Fatalf("%q was routed", payload)
		}
	})
}
