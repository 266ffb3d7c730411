package schema_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.uber.org/goleak"

	"github.com/earshot-host/earshot/host/internal/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const plugin = `{
	"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.com/x",
	"type": "object", "required": ["url"], "additionalProperties": false,
	"properties": {
		"url": {"type": "string", "description": "where to"},
		"format": {"enum": ["short", "long", 3]},
		"every": {"type": "string", "pattern": "^[0-9]+s$", "examples": ["30s"]},
		"count": {"type": "integer", "minimum": 1},
		"people": {"type": "array", "items": {"$ref": "#/$defs/person"}},
		"headers": {"type": "object", "additionalProperties": {"type": "string"}, "propertyNames": {"pattern": "^[a-z]+$"}},
		"mode": {"anyOf": [{"type": "boolean"}, {"const": "auto"}]},
		"mail": {"type": ["string", "null"]}
	},
	"$defs": {"person": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "~a/b": {"type": "object", "additionalProperties": false}}}}
}`

const hidden = "<secret>"

func TestCheck(t *testing.T) {
	tests := []struct {
		name, config string
		want         []schema.Fault
	}{
		{"good", `{"url": "x", "format": 3, "every": "5s", "count": 2, "people": [{"name": "Ana"}], "headers": {"a": "b"}, "mode": "auto", "mail": null}`, nil},
		{"missing", `{}`, []schema.Fault{{Path: []string{"url"}, Key: true, Message: "is missing"}}},
		{"unknown and near", `{"url": "x", "formt": 1}`, []schema.Fault{{Path: []string{"formt"}, Key: true, Message: "is a key that the plugin does not know", Hint: `did you mean "format"?`}}},
		{"unknown and far", `{"url": "x", "zzzzzz": 1}`, []schema.Fault{{Path: []string{"zzzzzz"}, Key: true, Message: "is a key that the plugin does not know",
			Hint: "possible keys: count, every, format, headers, mail, mode, people, url"}}},
		{"type", `{"url": ["x"]}`, []schema.Fault{{Path: []string{"url"}, Message: "must be text, not a list"}}},
		{"one of two types", `{"url": "x", "mail": 1}`, []schema.Fault{{Path: []string{"mail"}, Message: "must be empty or text, not a number"}}},
		{"enum", `{"url": "x", "format": "lng"}`, []schema.Fault{{Path: []string{"format"}, Message: "must be one of short, long, 3"}}},
		{"pattern", `{"url": "x", "every": "soon"}`, []schema.Fault{{Path: []string{"every"}, Message: "is not written as the plugin wants it", Hint: "such as 30s"}}},
		{"limit", `{"url": "x", "count": 0}`, []schema.Fault{{Path: []string{"count"}, Message: "minimum: got 0, want 1"}}},
		{"in a list, by reference", `{"url": "x", "people": [{"name": "Ana"}, {}]}`, []schema.Fault{{Path: []string{"people", "1", "name"}, Key: true, Message: "is missing"}}},
		{"name of a key", `{"url": "x", "headers": {"A": "b"}}`, []schema.Fault{{Key: true, Message: `"A" cannot be the name of a key there`}}},
		{"none of the forms", `{"url": "x", "mode": "off"}`, []schema.Fault{{Path: []string{"mode"}, Message: "is in none of the forms that the plugin takes"}}},
		{"a pointer with escapes", `{"url": "x", "people": [{"name": "Ana", "~a/b": {"c": 1}}]}`,
			[]schema.Fault{{Path: []string{"people", "0", "~a/b", "c"}, Key: true, Message: "is a key that the plugin does not know"}}},
		{"a secret's form is not known", `{"url": "x", "every": "<secret>", "format": "<secret>", "mode": "<secret>"}`, nil},
		{"a secret is text", `{"url": "x", "count": "<secret>"}`, []schema.Fault{{Path: []string{"count"}, Message: "must be a whole number, not text"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := schema.Check([]byte(plugin), []byte(tt.config), hidden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckOfBadSchemas(t *testing.T) {
	secret := t.TempDir() + "/secret.json"
	if err := os.WriteFile(secret, []byte(`{"type": "string"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{`{`, `{"type": "objekt"}`, `{"$ref": "#/$defs/none"}`, `{"$ref": "file://` + secret + `"}`, `{"$ref": "http://127.0.0.1:1/x"}`} {
		if faults, err := schema.Check([]byte(s), []byte(`{}`), hidden); err == nil {
			t.Errorf("%s was taken: %v", s, faults)
		}
	}
}

const events = `{"type": "object", "properties": {"listeners": {"additionalProperties": {"$ref": "#/$defs/listener"}}},
	"$defs": {"listener": {"type": "object", "properties": {"plugin": {"type": "string"}, "config": {"type": ["object", "null"]}}},
	"secret": {"type": "object", "properties": {"env": {"type": "string"}}, "required": ["env"], "additionalProperties": false}}}`

func TestMerge(t *testing.T) {
	merged, err := schema.Merge([]byte(events), map[string][]byte{"hook": []byte(plugin), "any": []byte(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(merged), "example.com") {
		t.Error("an id within the file turns references away")
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(merged))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("events.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("events.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, listener string
		valid          bool
	}{
		{"good", `{"plugin": "hook", "config": {"url": "x"}}`, true},
		{"another plugin", `{"plugin": "other", "config": {"anything": 1}}`, true},
		{"one that takes all", `{"plugin": "any", "config": {"anything": 1}}`, true},
		{"unknown key", `{"plugin": "hook", "config": {"url": "x", "a": 1}}`, false},
		{"secret for text", `{"plugin": "hook", "config": {"url": {"env": "URL"}, "mail": {"env": "M"}, "headers": {"a": {"env": "H"}}, "people": [{"name": {"env": "N"}}]}}`, true},
		{"secret for a number", `{"plugin": "hook", "config": {"url": "x", "count": {"env": "N"}}}`, false},
		{"reference within", `{"plugin": "hook", "config": {"url": "x", "people": [{}]}}`, false},
		{"a map that is no secret", `{"plugin": "hook", "config": {"url": {"path": "x"}}}`, false},
	}
	for _, tt := range tests {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"listeners": {"l": ` + tt.listener + `}}`))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiled.Validate(v); (err == nil) != tt.valid {
			t.Errorf("%s: %v, want valid %t", tt.name, err, tt.valid)
		}
	}
}

func TestMergeOfNothing(t *testing.T) {
	for _, bad := range []struct {
		events  string
		plugins map[string][]byte
	}{{`{`, nil}, {`{}`, nil}, {events, map[string][]byte{"x": []byte(`[]`)}}} {
		if _, err := schema.Merge([]byte(bad.events), bad.plugins); err == nil {
			t.Errorf("%+v was merged", bad)
		}
	}
}
