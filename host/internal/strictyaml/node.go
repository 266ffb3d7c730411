package strictyaml

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// Kind is what a node holds.
type Kind int

// The zero Kind is Null: a key without a value.
const (
	Null Kind = iota
	Bool
	Number
	Text
	List
	Map
)

var kindNames = [...]string{"empty", "true or false", "a number", "text", "a list", "a map"}

// Node is a value of the file, with its place. Aliases and merge keys are
// resolved.
type Node struct {
	Kind Kind
	// Text is a scalar as written: numbers keep all their digits.
	Text         string
	Line, Column int
	// Items of a List, Entries of a Map in the order of the file.
	Items   []*Node
	Entries []Entry
}

// Entry is one key of a map and its value.
type Entry struct{ Key, Value *Node }

// Get returns the value of key, nil if there is none.
func (n *Node) Get(key string) *Node {
	for _, e := range n.Entries {
		if e.Key.Text == key {
			return e.Value
		}
	}
	return nil
}

// Scalar reports whether the node is text, a number, or true or false.
func (n *Node) Scalar() bool { return n.Kind == Bool || n.Kind == Number || n.Kind == Text }

// plainNumber is a number of JSON, which is copied without being computed.
var plainNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// Replace may return other JSON for a node; nil leaves the node as it is. where
// is the way to the node, key the last key on it.
type Replace func(where, key string, n *Node) []byte

// AppendJSON appends the node, which where leads to, as JSON. replace may be nil.
func (n *Node) AppendJSON(b []byte, where string, replace Replace) []byte {
	return n.appendJSON(b, where, "", replace)
}

func (n *Node) appendJSON(b []byte, where, key string, replace Replace) []byte {
	if replace != nil {
		if r := replace(where, key, n); r != nil {
			return append(b, r...)
		}
	}
	switch n.Kind {
	case Bool:
		return append(b, strings.ToLower(n.Text)...)
	case Number:
		return append(b, n.Text...)
	case Text:
		return append(b, Quote(n.Text)...)
	case List:
		b = append(b, '[')
		for i, item := range n.Items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.appendJSON(b, where+"["+strconv.Itoa(i)+"]", key, replace)
		}
		return append(b, ']')
	case Map:
		b = append(b, '{')
		for i, e := range n.Entries {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(b, Quote(e.Key.Text)...), ':')
			b = e.Value.appendJSON(b, where+"."+e.Key.Text, e.Key.Text, replace)
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

// Quote returns text as a JSON string.
func Quote(text string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	// Text always can be marshalled.
	_ = enc.Encode(text)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
