package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Merge puts the schemas of plugins, by their names, into that of events.yaml,
// so that editors know the keys of listeners.<name>.config.
func Merge(events []byte, plugins map[string][]byte) ([]byte, error) {
	root, err := object(events)
	if err != nil {
		return nil, fmt.Errorf("read the schema of events.yaml: %w", err)
	}
	defs, _ := root["$defs"].(map[string]any)
	listener, _ := defs["listener"].(map[string]any)
	if listener == nil {
		return nil, fmt.Errorf("the schema of events.yaml has no #/$defs/listener")
	}
	var cases []any
	for _, name := range slices.Sorted(maps.Keys(plugins)) {
		s, err := object(plugins[name])
		if err != nil {
			return nil, fmt.Errorf("read the schema of plugin %s: %w", name, err)
		}
		def := "plugin-" + name
		delete(s, "$schema")
		delete(s, "$id")
		refs(s, "#/$defs/"+def)
		allowSecrets(s)
		defs[def] = s
		cases = append(cases, map[string]any{
			"if":   map[string]any{"properties": map[string]any{"plugin": map[string]any{"const": name}}, "required": []any{"plugin"}},
			"then": map[string]any{"properties": map[string]any{"config": map[string]any{"$ref": "#/$defs/" + def}}},
		})
	}
	if len(cases) > 0 {
		listener["allOf"] = cases
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err = enc.Encode(root)
	return out.Bytes(), err
}

func object(data []byte) (map[string]any, error) {
	var v map[string]any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	err := dec.Decode(&v)
	return v, err
}

// refs makes references within a schema lead to where it stands now.
func refs(v any, to string) {
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok && strings.HasPrefix(ref, "#") {
			v["$ref"] = to + strings.TrimPrefix(ref, "#")
		}
		for _, child := range v {
			refs(child, to)
		}
	case []any:
		for _, child := range v {
			refs(child, to)
		}
	}
}

// allowSecrets lets {env:} and {file:} stand wherever a value may be text.
func allowSecrets(schema any) {
	s, ok := schema.(map[string]any)
	if !ok {
		return
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if child, ok := s[key]; ok {
			s[key] = orSecret(child)
		}
	}
	for _, key := range []string{"properties", "patternProperties", "$defs"} {
		children, _ := s[key].(map[string]any)
		for name, child := range children {
			children[name] = orSecret(child)
		}
	}
	for _, key := range []string{"prefixItems", "allOf", "anyOf", "oneOf"} {
		children, _ := s[key].([]any)
		for i, child := range children {
			children[i] = orSecret(child)
		}
	}
}

func orSecret(schema any) any {
	allowSecrets(schema)
	s, ok := schema.(map[string]any)
	if !ok || !takesText(s["type"]) {
		return schema
	}
	both := map[string]any{"anyOf": []any{s, map[string]any{"$ref": "#/$defs/secret"}}}
	if about, ok := s["description"]; ok {
		both["description"] = about // where editors look for it
		delete(s, "description")
	}
	return both
}

func takesText(t any) bool {
	list, _ := t.([]any)
	return t == "string" || slices.Contains(list, any("string"))
}
