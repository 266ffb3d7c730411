package sdk

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Decode reads the block into the struct that v points to, by its json tags.
//
// It is strict: a key that the struct does not have and a value of the wrong
// type are faults. All faults are reported at once, joined, each one a
// *ConfigError with the path of its key. A key without a value keeps what v
// holds, so defaults can be set before. The text of a fault never holds a value.
func (c Config) Decode(v any) error {
	if c.probe != nil {
		*c.probe = v
		return errProbed
	}
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return fmt.Errorf("decode configuration: need a pointer, not %T", v)
	}
	if len(bytes.TrimSpace(c.JSON)) == 0 {
		return nil
	}
	if !json.Valid(c.JSON) {
		return errors.New("decode configuration: it is not JSON")
	}
	var d decoder
	d.value("", json.RawMessage(c.JSON), rv.Elem())
	return errors.Join(d.faults...)
}

type decoder struct{ faults []error }

func (d *decoder) fault(path, format string, args ...any) {
	err := fmt.Errorf(format, args...)
	if path != "" {
		err = At(path, err)
	}
	d.faults = append(d.faults, err)
}

// value reads raw into v; path is where raw stands.
func (d *decoder) value(path string, raw json.RawMessage, v reflect.Value) {
	if string(bytes.TrimSpace(raw)) == "null" {
		return
	}
	if readsItself(v) {
		if err := json.Unmarshal(raw, v.Addr().Interface()); err != nil {
			// Such types are written as text, whatever they are inside.
			d.typeFault(path, raw, "text", err)
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.value(path, raw, v.Elem())
	case reflect.Struct:
		d.object(path, raw, v)
	case reflect.Map:
		d.entries(path, raw, v)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			d.leaf(path, raw, v)
			return
		}
		d.list(path, raw, v)
	default:
		d.leaf(path, raw, v)
	}
}

func (d *decoder) leaf(path string, raw json.RawMessage, v reflect.Value) {
	if err := json.Unmarshal(raw, v.Addr().Interface()); err != nil {
		d.typeFault(path, raw, wanted(v.Type()), err)
	}
}

func (d *decoder) list(path string, raw json.RawMessage, v reflect.Value) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		d.typeFault(path, raw, wanted(v.Type()), err)
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		d.value(fmt.Sprintf("%s[%d]", path, i), item, v.Index(i))
	}
}

func (d *decoder) entries(path string, raw json.RawMessage, v reflect.Value) {
	var items map[string]json.RawMessage
	if v.Type().Key().Kind() != reflect.String {
		d.leaf(path, raw, v)
		return
	}
	if err := json.Unmarshal(raw, &items); err != nil {
		d.typeFault(path, raw, wanted(v.Type()), err)
		return
	}
	if v.IsNil() {
		v.Set(reflect.MakeMapWithSize(v.Type(), len(items)))
	}
	for _, key := range sorted(items) {
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(join(path, key), items[key], item)
		v.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), item)
	}
}

func (d *decoder) object(path string, raw json.RawMessage, v reflect.Value) {
	var items map[string]json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		d.typeFault(path, raw, wanted(v.Type()), err)
		return
	}
	fields := make(map[string]reflect.Value)
	collect(v, fields)
	for _, key := range sorted(items) {
		field, ok := fields[key]
		if !ok {
			d.fault(join(path, key), "%s", unknownKey(key, sorted(fields)))
			continue
		}
		d.value(join(path, key), items[key], field)
	}
}

// collect lists the fields of a struct by their keys, those of embedded
// structs beside the others as encoding/json has it.
func collect(v reflect.Value, fields map[string]reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Tag.Get("json") == "-":
		case f.Anonymous && key == "" && f.Type.Kind() == reflect.Struct:
			collect(v.Field(i), fields)
		case !f.IsExported():
		case key == "":
			fields[f.Name] = v.Field(i)
		default:
			fields[key] = v.Field(i)
		}
	}
}

func readsItself(v reflect.Value) bool {
	switch v.Addr().Interface().(type) {
	case json.Unmarshaler, encoding.TextUnmarshaler:
		return true
	}
	return false
}

// typeFault says what was expected. Only errors of a type's own reader are
// passed on: those of encoding/json can hold the value.
func (d *decoder) typeFault(path string, raw json.RawMessage, want string, err error) {
	var mismatch *json.UnmarshalTypeError
	if !errors.As(err, &mismatch) {
		d.fault(path, "%w", err)
		return
	}
	if strings.HasPrefix(mismatch.Value, "number ") {
		d.fault(path, "is a number that does not fit: need %s", want)
		return
	}
	d.fault(path, "must be %s, not %s", want, kindOf(raw))
}

func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number that is not negative"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "a block of keys"
	default:
		return "text"
	}
}

func kindOf(raw json.RawMessage) string {
	switch raw = bytes.TrimSpace(raw); raw[0] {
	case '{':
		return "a block of keys"
	case '[':
		return "a list"
	case '"':
		return "text"
	case 't', 'f':
		return "true or false"
	default:
		return "a number"
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
