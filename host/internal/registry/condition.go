package registry

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/earshot-host/earshot/host/internal/strictyaml"
)

// condition is one line of when.
type condition struct {
	path   []string
	kind   conditionKind
	values []value
}

type conditionKind int

const (
	equals conditionKind = iota
	present
	absent
)

// value is what a payload is compared with.
type value struct {
	text string
	bool bool
}

func valueOf(n *strictyaml.Node) value {
	if n.Kind == strictyaml.Bool {
		return value{strings.ToLower(n.Text), true}
	}
	return value{n.Text, false}
}

// holds reports whether a payload, which is valid JSON, meets the condition.
func (c condition) holds(payload []byte) bool {
	raw := lookup(payload, c.path)
	switch c.kind {
	case present:
		return !empty(raw)
	case absent:
		return empty(raw)
	}
	if raw == nil {
		return false
	}
	if raw[0] != '[' {
		return c.matches(raw)
	}
	// A list has a value if one of its items is it.
	found := false
	children(raw, 0, func(_, item []byte, _ span) { found = found || c.matches(item) })
	return found
}

// empty reports whether there is nothing a listener could use: no such key,
// null, blank text, [] or {}.
func empty(raw []byte) bool {
	if raw == nil || string(raw) == "null" {
		return true
	}
	switch raw[0] {
	case '"':
		return strings.TrimSpace(text(raw)) == ""
	case '[', '{':
		next := raw[skipSpace(raw, 1)]
		return next == ']' || next == '}'
	}
	return false
}

// matches compares leniently, since applications write 3 as "3" and true as "1".
func (c condition) matches(raw []byte) bool {
	if raw[0] == '[' || raw[0] == '{' || string(raw) == "null" {
		return false
	}
	got := text(raw)
	for _, v := range c.values {
		switch {
		case got == v.text:
			return true
		case v.bool:
			if v.text == "true" && got == "1" || v.text == "false" && got == "0" {
				return true
			}
		case equalNumbers(got, v.text):
			return true
		}
	}
	return false
}

// equalNumbers compares 1.50 with 1.5. Whole numbers are compared as text,
// which is exact however long they are.
func equalNumbers(a, b string) bool {
	if !strings.ContainsAny(a, ".eE") && !strings.ContainsAny(b, ".eE") {
		return false
	}
	x, err := strconv.ParseFloat(a, 64)
	if err != nil {
		return false
	}
	y, err := strconv.ParseFloat(b, 64)
	return err == nil && x == y
}

// text is a scalar of JSON as text: a string without quotes and escapes.
func text(raw []byte) string {
	if raw[0] != '"' {
		return string(raw)
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	var s string
	_ = json.Unmarshal(raw, &s) // valid JSON already
	return s
}
