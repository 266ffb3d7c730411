package registry_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/earshot-host/earshot/config"
	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/registry"
	"github.com/earshot-host/earshot/host/internal/strictyaml"
)

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("events.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("events.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// inJSON is a file as an editor's schema checker sees it.
func inJSON(t *testing.T, text string) any {
	t.Helper()
	doc := strictyaml.Parse("events.yaml", []byte(text))
	if doc.Root == nil {
		t.Fatal(doc.Err())
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc.Root.AppendJSON(nil, "", nil)))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// in puts a line into an otherwise valid file.
func in(where, line string) string {
	parts := map[string]string{"listener": "", "top": "", "events": "  y: []"}
	parts[where] = line
	return "version: 1\n" + parts["top"] + "\nlisteners:\n  b: {plugin: log}\n  a:\n    plugin: log\n    " + parts["listener"] + "\nevents:\n  x: [a, b]\n" + parts["events"] + "\n"
}

// TestSchemaAgreesWithLoader: an editor must not call wrong what the host
// takes, nor the other way round.
func TestSchemaAgreesWithLoader(t *testing.T) {
	tests := []struct {
		name, text string
		valid      bool
	}{
		{"smallest", "version: 1\nlisteners:\nevents:\n", true},
		{"no version", "listeners: {}\nevents: {}", false},
		{"other version", "version: 2\nlisteners: {}\nevents: {}", false},
		{"version as text", "version: '1'\nlisteners: {}\nevents: {}", false},
		{"no listeners", "version: 1\nevents: {}", false},
		{"no events", "version: 1\nlisteners: {}", false},
		{"a list", "[version]", false},
		{"listeners as a list", "version: 1\nlisteners: []\nevents: {}", false},
		{"events as a list", "version: 1\nlisteners: {}\nevents: []", false},
		{"free key", in("top", "x-owner: {a: [1]}"), true},
		{"unknown key", in("top", "owner: me"), false},
		{"unmatched", in("top", "unmatched: process"), true},
		{"unmatched otherwise", in("top", "unmatched: hold"), false},
		{"empty defaults", in("top", "defaults:"), true},
		{"full defaults", in("top", "defaults: {timeout: 5s, concurrency: 1, rate: 1/s, order_by: a, env: {}, retry: {}, payload: {drop: []}, x-a: 1}"), true},
		{"a plugin as default", in("top", "defaults: {plugin: log}"), false},
		{"config as default", in("top", "defaults: {config: {}}"), false},
		{"listener without plugin", "version: 1\nlisteners: {a: {}}\nevents: {x: [a]}", false},
		{"listener left empty", "version: 1\nlisteners: {a: }\nevents: {x: [a]}", false},
		{"listener name in capitals", "version: 1\nlisteners: {A: {plugin: log}}\nevents: {}", false},
		{"listener name of digits", "version: 1\nlisteners: {1: {plugin: log}}\nevents: {x: [1]}", true},
		{"plugin by path", "version: 1\nlisteners: {a: {plugin: ./a}}\nevents: {}", true},
		{"plugin with a dot", "version: 1\nlisteners: {a: {plugin: a.exe}}\nevents: {}", false},
		{"plugin empty", "version: 1\nlisteners: {a: {plugin: ''}}\nevents: {}", false},
		{"plugin a number", "version: 1\nlisteners: {a: {plugin: 1}}\nevents: {}", false},
		{"free key of a listener", in("listener", "x-note: hi"), true},
		{"unknown key of a listener", in("listener", "note: hi"), false},
		{"config", in("listener", "config: {a: {b: [1, {env: TOKEN}]}}"), true},
		{"config empty", in("listener", "config:"), true},
		{"config a list", in("listener", "config: []"), false},
		{"timeout", in("listener", "timeout: 1m30s"), true},
		{"timeout in days", in("listener", "timeout: 0d1h"), true},
		{"timeout without unit", in("listener", "timeout: 30"), false},
		{"timeout negative", in("listener", "timeout: -3s"), false},
		{"timeout in words", in("listener", "timeout: soon"), false},
		{"timeout empty", in("listener", "timeout:"), false},
		{"concurrency", in("listener", "concurrency: 1000"), true},
		{"concurrency zero", in("listener", "concurrency: 0"), false},
		{"concurrency too high", in("listener", "concurrency: 1001"), false},
		{"concurrency as text", in("listener", "concurrency: '4'"), false},
		{"concurrency broken", in("listener", "concurrency: 1.5"), false},
		{"rate", in("listener", "rate: 30/m"), true},
		{"rate per day", in("listener", "rate: 30/d"), false},
		{"rate zero", in("listener", "rate: 0/s"), false},
		{"rate a number", in("listener", "rate: 30"), false},
		{"order_by", in("listener", "order_by: appointment.id"), true},
		{"order_by with a wildcard", in("listener", "order_by: appointment.*"), false},
		{"order_by a list", in("listener", "order_by: [a]"), false},
		{"env", in("listener", "env: {A: b, _B1: 2, C: true, D: {env: TZ}}"), true},
		{"env of a bad name", in("listener", "env: {A-B: c}"), false},
		{"env a list", in("listener", "env: [A=b]"), false},
		{"env of a list", in("listener", "env: {A: [b]}"), false},
		{"env of nothing", in("listener", "env: {A: }"), false},
		{"sha256", in("listener", "sha256: "+strings.Repeat("aB", 32)), true},
		{"sha256 short", in("listener", "sha256: abc"), false},
		{"retry", in("listener", "retry: {max_attempts: 8, first: 5s, factor: 1, max: 7d, jitter: 0}"), true},
		{"retry attempts", in("listener", "retry: {attempts: 8}"), false},
		{"retry factor low", in("listener", "retry: {factor: 0.5}"), false},
		{"retry jitter high", in("listener", "retry: {jitter: 1.1}"), false},
		{"retry jitter in percent", in("listener", "retry: {jitter: 20%}"), false},
		{"payload", in("listener", "payload: {only: [a, b.c_*, '*.d'], drop: ['*']}"), true},
		{"payload only nothing", in("listener", "payload: {only: []}"), false},
		{"payload empty path", in("listener", "payload: {drop: ['']}"), false},
		{"payload double dot", in("listener", "payload: {drop: [a..b]}"), false},
		{"payload inner wildcard", in("listener", "payload: {drop: [a*b]}"), false},
		{"payload a text", in("listener", "payload: {drop: a}"), false},
		{"event to nobody", in("events", "  y: []"), true},
		{"event to one without a list", in("events", "  y: a"), false},
		{"event left empty", in("events", "  y:"), false},
		{"wildcard", in("events", "  y.*: [a]"), true},
		{"wildcard alone", in("events", "  '*': [a]"), true},
		{"wildcard without dot", in("events", "  'y*': [a]"), false},
		{"wildcard inside", in("events", "  y.*.z: [a]"), false},
		{"event with a space", in("events", "  y z: [a]"), false},
		{"event with an accent", in("events", "  ação: [a]"), false},
		{"event name too long", in("events", "  "+strings.Repeat("y", 101)+": [a]"), false},
		{"event name long", in("events", "  "+strings.Repeat("y", 100)+": [a]"), true},
		{"event of digits", in("events", "  404: [a]"), true},
		{"when", in("events", "  y: [a: {when: {b.c: present, d: [1, x], e: true}}]"), true},
		{"when nothing", in("events", "  y: [a: {when: {}}]"), true},
		{"route left empty", in("events", "  y: [a: ]"), true},
		{"route with a free key", in("events", "  y: [a: {x-why: z}]"), true},
		{"when null", in("events", "  y: [a: {when: {b: null}}]"), false},
		{"when no values", in("events", "  y: [a: {when: {b: []}}]"), false},
		{"when a map", in("events", "  y: [a: {when: {b: {c: d}}}]"), false},
		{"when a wildcard", in("events", "  y: [a: {when: {'b.*': 1}}]"), false},
		{"told in any case and on a condition", in("events", "  y: [a, a: {when: {b: 1}}]"), true},
		{"if", in("events", "  y: [a: {if: {b: 1}}]"), false},
		{"two in one", in("events", "  y: [{a: , b: }]"), false},
		{"a list in a list", in("events", "  y: [[a]]"), false},
	}
	s := schema(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, lerr := registry.Parse("events.yaml", []byte(tt.text), registry.Options{LookupEnv: env})
			serr := s.Validate(inJSON(t, tt.text))
			if (lerr == nil) != tt.valid {
				t.Errorf("loader: %v, want valid %v", lerr, tt.valid)
			}
			if (serr == nil) != tt.valid {
				t.Errorf("schema: %v, want valid %v", serr, tt.valid)
			}
		})
	}
}

// TestLoaderSeesMoreThanSchema: what no schema can say.
func TestLoaderSeesMoreThanSchema(t *testing.T) {
	s := schema(t)
	for _, text := range []string{
		in("listener", "timeout: 2h"),
		in("listener", "timeout: 1ms"),
		in("listener", "retry: {first: 2h, max: 1h}"),
		in("listener", "config: {a: {env: NOPE}}"),
		in("events", "  y: [c]"),
		in("events", "  y: [a, a]"),
	} {
		if err := s.Validate(inJSON(t, text)); err != nil {
			t.Errorf("schema: %v", err)
		}
		mistakes(t, text)
	}
}

const shipped = "../../../config/events.yaml"

// TestShippedFile: the sample loads where its secret is, tells nobody
// credentials, and its schema agrees.
func TestShippedFile(t *testing.T) {
	data, err := os.ReadFile(shipped)
	if err != nil {
		t.Fatal(err)
	}
	if err := schema(t).Validate(inJSON(t, string(data))); err != nil {
		t.Error(err)
	}
	// What the sample shows in comments must be right as well.
	uncommented := strings.ReplaceAll(string(data), "\n  # ", "\n  ")
	uncommented = strings.ReplaceAll(uncommented, "\n  #\n", "\n")
	uncommented = strings.Replace(uncommented, `"…"`, `"`+strings.Repeat("0", 64)+`"`, 1)
	for name, text := range map[string]string{"as shipped": string(data), "with what is in comments": uncommented} {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "secrets"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "secrets", "smtp"), []byte("pw\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		lookup := func(string) (string, bool) { return "token", true }
		r, err := registry.Parse(filepath.Join(dir, "events.yaml"), []byte(text), registry.Options{LookupEnv: lookup})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, event := range []string{"appointment.saved", "appointment.deleted", "appointment.updated"} {
			checkNoCredentials(t, r, event)
		}
	}
	if n := strings.Count(uncommented, "whatsapp"); n < 3 || len(uncommented) == len(data) {
		t.Error("the comments of the sample were not tried")
	}
}

func checkNoCredentials(t *testing.T, r *registry.Registry, name string) {
	t.Helper()
	payload := bytes.Replace(read(t, name+".json"), []byte(`"google_token":`), []byte(`"password_reset_token":"live","google_token":`), 1)
	plan := r.Plan(event.Event{Name: name, Payload: payload})
	if len(plan.Targets) == 0 {
		t.Errorf("%s is told to nobody: %s", name, plan.Refused)
	}
	for _, target := range plan.Targets {
		got, err := r.Listeners[target.Listener].Filter(payload)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{`"google_token"`, `"caldav_`, `"password`, "not-a-real-token", "ldap_dn"} {
			if bytes.Contains(got, []byte(secret)) {
				t.Errorf("%s: %s gets %s", name, target.Listener, secret)
			}
		}
		for _, needed := range []string{`"ics_stream"`, `"notifications"`, `"id_caldav_calendar"`} {
			if bytes.Contains(payload, []byte(needed)) && !bytes.Contains(got, []byte(needed)) {
				t.Errorf("%s: %s does not get %s", name, target.Listener, needed)
			}
		}
	}
}

// TestSchemaKnowsDurations: the pattern stands in both.
func TestSchemaKnowsDurations(t *testing.T) {
	if !bytes.Contains(config.Schema(), strictyaml.Quote(strictyaml.DurationPattern)) {
		t.Error("the schema's pattern of durations is not the loader's")
	}
}
