package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/invopop/jsonschema"
)

var errProbed = errors.New("the configuration was not read: its type was only asked for")

// schema returns the JSON Schema of the struct that Configure decodes into,
// or nil if there is none. It asks a copy of the listener, whose Decode tells
// the type and ends Configure with an error, so that authors declare it once.
func (s *Service) schema(ctx context.Context) ([]byte, error) {
	c, ok := s.throwAway().(Configurer)
	if !ok {
		return nil, nil
	}
	var v any
	if err := probe(ctx, c, Config{Listener: s.opts.name, probe: &v}); v == nil || !isStruct(v) {
		// A Configure that reads its block by other means accepts what it accepts.
		s.log.Debug("listener has no typed configuration", "error", err)
		return nil, nil
	}
	r := jsonschema.Reflector{Anonymous: true, ExpandedStruct: true, RequiredFromJSONSchemaTags: true, Mapper: ownTypes}
	data, err := json.Marshal(r.Reflect(v))
	if err != nil {
		return nil, fmt.Errorf("write the schema of %T: %w", v, err)
	}
	return data, nil
}

func probe(ctx context.Context, c Configurer, cfg Config) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return c.Configure(ctx, cfg)
}

func isStruct(v any) bool {
	t := reflect.TypeOf(v)
	return t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct
}

// ownTypes says how the SDK's types are written; a nil answer leaves a type to
// the library.
func ownTypes(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[Secret]():
		return &jsonschema.Schema{Type: "string", WriteOnly: true}
	case reflect.TypeFor[Duration]():
		return &jsonschema.Schema{
			Type: "string", Pattern: `^([0-9]+w)?([0-9]+d)?([0-9.]+(ns|us|µs|ms|s|m|h))*$`,
			Examples: []any{"30s", "5m", "7d"},
		}
	}
	return nil
}
