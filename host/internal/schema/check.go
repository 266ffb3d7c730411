// Package schema holds a listener's config against the JSON Schema that its
// plugin describes itself with, and puts such schemas into that of events.yaml.
package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/earshot-host/earshot/host/internal/strictyaml"
)

// Fault is one thing in a config that the plugin's schema does not allow.
type Fault struct {
	// Path are the keys, and the indexes of lists, that lead to it.
	Path []string
	// Key says that the last key is at fault, not its value.
	Key bool
	// Message is about the place: "must be text, not a list".
	Message string
	// Hint says what was probably meant.
	Hint string
}

// Check returns what schema does not allow in config; both are JSON. hidden is
// the text that stands for secrets: of such a value only the type is looked at.
// No message holds a text of config. The error says what is wrong with schema.
func Check(schema, config []byte, hidden string) ([]Fault, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return nil, fmt.Errorf("read the plugin's schema: %w", err)
	}
	c := jsonschema.NewCompiler()
	// Without this, a $ref would read files and ask servers.
	c.UseLoader(nothing{})
	if err := c.AddResource(base, doc); err != nil {
		return nil, fmt.Errorf("read the plugin's schema: %w", err)
	}
	compiled, err := c.Compile(base)
	if err != nil {
		return nil, fmt.Errorf("read the plugin's schema: %w", err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(config))
	if err != nil {
		return nil, fmt.Errorf("read the config: %w", err)
	}
	k := checker{schema: doc, config: value, hidden: hidden}
	var invalid *jsonschema.ValidationError
	if errors.As(compiled.Validate(value), &invalid) {
		k.walk(invalid)
	}
	return k.faults, nil
}

const base = "plugin:///config.json"

type nothing struct{}

func (nothing) Load(string) (any, error) {
	return nil, errors.New("it leads outside of the schema")
}

type checker struct {
	schema, config any
	hidden         string
	faults         []Fault
}

// walk goes down to where a reader can do something.
func (k *checker) walk(e *jsonschema.ValidationError) {
	switch why := e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf, *kind.Not:
		k.fault(e, "", "is in none of the forms that the plugin takes")
	case *kind.Required:
		for _, key := range why.Missing {
			k.add(Fault{Path: append(slices.Clone(e.InstanceLocation), key), Key: true, Message: "is missing"})
		}
	case *kind.AdditionalProperties:
		for _, key := range why.Properties {
			hint := strictyaml.Suggest(key, slices.Values(k.keys(e.SchemaURL)))
			if known := k.keys(e.SchemaURL); hint == "" && len(known) > 0 {
				hint = "possible keys: " + strings.Join(known, ", ")
			}
			k.add(Fault{Path: append(slices.Clone(e.InstanceLocation), key), Key: true, Message: "is a key that the plugin does not know", Hint: hint})
		}
	case *kind.PropertyNames:
		// The library does not keep the place of this one.
		k.add(Fault{Key: true, Message: fmt.Sprintf("%q cannot be the name of a key there", why.Property)})
	case *kind.Type:
		k.add(Fault{Path: e.InstanceLocation, Message: fmt.Sprintf("must be %s, not %s", names(why.Want), words[why.Got])})
	case *kind.Enum:
		k.fault(e, "", "must be one of "+list(why.Want))
	case *kind.Const:
		k.fault(e, "", "must be "+list([]any{why.Want}))
	case *kind.Pattern:
		k.fault(e, example(k.at(e.SchemaURL)), "is not written as the plugin wants it")
	case *kind.Format:
		k.fault(e, "", "is not a valid "+why.Want)
	case *kind.FalseSchema:
		k.fault(e, "", "is not allowed here")
	default:
		if len(e.Causes) == 0 {
			// These speak of lengths and limits.
			k.fault(e, "", e.ErrorKind.LocalizedString(message.NewPrinter(language.English)))
		}
		for _, cause := range e.Causes {
			k.walk(cause)
		}
	}
}

// fault notes what is wrong with a value, unless the value is not known.
func (k *checker) fault(e *jsonschema.ValidationError, hint, text string) {
	if v, ok := step(k.config, e.InstanceLocation); ok && v == any(k.hidden) {
		return
	}
	k.add(Fault{Path: e.InstanceLocation, Message: text, Hint: hint})
}

func (k *checker) add(f Fault) { k.faults = append(k.faults, f) }

// at is the part of the schema that a URL leads to.
func (k *checker) at(location string) map[string]any {
	_, fragment, _ := strings.Cut(location, "#")
	fragment, err := url.PathUnescape(fragment)
	if err != nil {
		return nil
	}
	var path []string
	for part := range strings.SplitSeq(strings.TrimPrefix(fragment, "/"), "/") {
		if part != "" {
			path = append(path, strings.NewReplacer("~1", "/", "~0", "~").Replace(part))
		}
	}
	v, _ := step(k.schema, path)
	part, _ := v.(map[string]any)
	return part
}

// keys are those that an object may have.
func (k *checker) keys(location string) []string {
	properties, _ := k.at(location)["properties"].(map[string]any)
	return slices.Sorted(maps.Keys(properties))
}

// step goes along path into a value of JSON.
func step(v any, path []string) (any, bool) {
	for _, key := range path {
		switch at := v.(type) {
		case map[string]any:
			next, ok := at[key]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			i := 0
			if _, err := fmt.Sscan(key, &i); err != nil || i < 0 || i >= len(at) {
				return nil, false
			}
			v = at[i]
		default:
			return nil, false
		}
	}
	return v, true
}

var words = map[string]string{
	"object": "a map", "array": "a list", "string": "text", "integer": "a whole number", "number": "a number",
	"boolean": "true or false", "null": "empty",
}

func names(types []string) string {
	named := make([]string, len(types))
	for i, t := range types {
		named[i] = words[t]
	}
	return strings.Join(named, " or ")
}

func list(values []any) string {
	var texts []string
	for _, v := range values {
		if text, ok := v.(string); ok {
			texts = append(texts, text)
			continue
		}
		data, err := json.Marshal(v)
		if err == nil {
			texts = append(texts, string(data))
		}
	}
	return strings.Join(texts, ", ")
}

// example is what a schema shows as right.
func example(schema map[string]any) string {
	if examples, ok := schema["examples"].([]any); ok && len(examples) > 0 {
		return "such as " + list(examples[:1])
	}
	return ""
}
