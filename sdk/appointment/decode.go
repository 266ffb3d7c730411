package appointment

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// UnmarshalJSON reads a payload leniently. It forgets what p held before.
func (p *Payload) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber() // a float64 would round long phone numbers and ids
	var v any
	if err := dec.Decode(&v); err != nil {
		return err
	}
	obj, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("the payload is %s, not a JSON object", kindOf(v))
	}
	*p = Payload{}
	return fillStruct(reflect.ValueOf(p).Elem(), obj, "")
}

// fillStruct sets the fields of dst that obj has keys for.
func fillStruct(dst reflect.Value, obj map[string]any, path string) error {
	for i := range dst.NumField() {
		field := dst.Type().Field(i)
		if field.Anonymous {
			if err := fillStruct(dst.Field(i), obj, path); err != nil {
				return err
			}
			continue
		}
		key := field.Tag.Get("json")
		v := obj[key]
		if v == nil {
			continue
		}
		if err := fill(dst.Field(i), v, path+key); err != nil {
			return err
		}
	}
	return nil
}

// fill sets one field from a JSON value that is not null.
func fill(dst reflect.Value, v any, path string) error {
	var err error
	switch dst.Kind() {
	case reflect.Struct:
		var obj map[string]any
		if obj, err = toObject(v); err == nil {
			return fillStruct(dst, obj, path+".")
		}
	case reflect.Pointer:
		dst.Set(reflect.New(dst.Type().Elem()))
		return fill(dst.Elem(), v, path)
	case reflect.String:
		var s string
		s, err = toText(v)
		dst.SetString(s)
	case reflect.Bool:
		var b bool
		b, err = toBool(v)
		dst.SetBool(b)
	case reflect.Int64:
		var f float64
		f, err = toNumber(v)
		// Above 2^53 a float64 no longer holds every integer.
		if err == nil && (f != math.Trunc(f) || math.Abs(f) > 1<<53) {
			err = errors.New("not a whole number")
		}
		dst.SetInt(int64(f))
	case reflect.Float64:
		var f float64
		f, err = toNumber(v)
		dst.SetFloat(f)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// toObject takes an empty list for an object: PHP writes an empty array as [].
func toObject(v any) (map[string]any, error) {
	if list, ok := v.([]any); ok && len(list) == 0 {
		return nil, nil
	}
	obj, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("want an object, got %s", kindOf(v))
	}
	return obj, nil
}

func toText(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	}
	return "", fmt.Errorf("want a text, got %s", kindOf(v))
}

func toBool(v any) (bool, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case string, json.Number:
		switch strings.ToLower(strings.TrimSpace(fmt.Sprint(v))) {
		case "1", "true":
			return true, nil
		case "0", "false", "":
			return false, nil
		}
	}
	return false, fmt.Errorf("want true, false, 0 or 1, got %s", kindOf(v))
}

func toNumber(v any) (float64, error) {
	var s string
	switch v := v.(type) {
	case json.Number:
		s = v.String()
	case string:
		s = strings.TrimSpace(v)
		if s == "" {
			return 0, nil
		}
	default:
		return 0, fmt.Errorf("want a number, got %s", kindOf(v))
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		// strconv's own error would quote the value.
		return 0, errors.New("want a number, got something else")
	}
	return f, nil
}

// kindOf names the kind of a JSON value without telling the value.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case json.Number:
		return "a number"
	case string:
		return "a text"
	case []any:
		return "a list"
	}
	return "an object"
}
