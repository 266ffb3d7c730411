package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// Limits of a file. They are far above what people write, and far below what
// would make reading it slow.
const (
	MaxSize  = 1 << 20
	maxDepth = 32
	maxNodes = 100_000
)

// Doc is a file that is being read. Root is nil when the file is not YAML;
// Err then says why.
type Doc struct {
	Root *Node

	file     string
	lines    []string
	problems []Problem
	nodes    int
	full     bool
}

// ReadFile reads at most MaxSize bytes of a regular file.
func ReadFile(path string) ([]byte, error) {
	// A pipe would block, a device never end.
	if st, err := os.Stat(path); err != nil {
		return nil, err
	} else if !st.Mode().IsRegular() {
		return nil, &os.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err == nil && len(data) > MaxSize {
		err = &os.PathError{Op: "read", Path: path, Err: fmt.Errorf("larger than the limit of %d bytes", MaxSize)}
	}
	return data, err
}

// Parse reads data; file is named in mistakes.
func Parse(file string, data []byte) *Doc {
	d := &Doc{file: file}
	if len(data) > MaxSize {
		d.failAt(0, 0, 0, "", "the file is larger than the limit of %d bytes", MaxSize)
		return d
	}
	d.lines = strings.Split(string(data), "\n")
	if !d.checkBytes(data) {
		return d
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		d.syntax(err)
		return d
	}
	var doc, more yaml.Node
	switch err := loader.Load(&doc); {
	case errors.Is(err, io.EOF):
		d.failAt(0, 0, 0, "", "the file is empty")
		return d
	case err != nil:
		d.syntax(err)
		return d
	}
	if err := loader.Load(&more); err == nil {
		d.failAt(max(more.Line, 1), max(more.Column, 1), 1, "", "a second document begins here; the file may hold only one: remove the line ---")
		return d
	} else if !errors.Is(err, io.EOF) {
		d.syntax(err)
		return d
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		d.failAt(0, 0, 0, "", "the file is empty")
		return d
	}
	if root := d.node(doc.Content[0], 0); !d.full {
		d.Root = root
	}
	return d
}

// checkBytes refuses what is not plain UTF-8 text, with its place.
func (d *Doc) checkBytes(data []byte) bool {
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		d.failAt(1, 1, 1, "", "the file begins with a byte order mark; save it as UTF-8 without one")
		return false
	case bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")):
		d.failAt(0, 0, 0, "", "the file is UTF-16; save it as UTF-8")
		return false
	}
	for n, line := range d.lines {
		column := 0
		for i, r := range line {
			column++
			if r == utf8.RuneError {
				if _, size := utf8.DecodeRuneInString(line[i:]); size == 1 {
					d.failAt(n+1, column, 1, "", "byte 0x%02x is not UTF-8; save the file as UTF-8", line[i])
					return false
				}
			}
			if r < ' ' && r != '\t' && (r != '\r' || i != len(line)-1) || r == 0x7f {
				d.failAt(n+1, column, 1, "", "control character 0x%02x", r)
				return false
			}
		}
	}
	return true
}

// syntax puts an error of the YAML parser into words.
func (d *Doc) syntax(err error) {
	var le *yaml.LoadError
	if !errors.As(err, &le) {
		d.failAt(0, 0, 0, "", "not YAML: %v", err)
		return
	}
	msg := le.Message
	line, column := le.Mark.Line, le.Mark.Column
	if line == 0 {
		line, column = le.ContextMark.Line, le.ContextMark.Column
	}
	hint := ""
	if line > 0 && line <= len(d.lines) {
		text := d.lines[line-1]
		switch indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]; {
		case strings.Contains(indent, "\t"):
			hint = "the line is indented with a tab, and YAML takes only spaces"
		case strings.Contains(msg, "mapping values are not allowed"):
			hint = "put text that holds a colon in quotes, and check the indentation"
		case strings.Contains(msg, "cannot start any token"):
			hint = "put the text in quotes"
		}
	}
	if le.ContextMsg != "" && le.ContextMark.Line > 0 && le.ContextMark.Line != line {
		msg += fmt.Sprintf(" (%s from line %d)", le.ContextMsg, le.ContextMark.Line)
	}
	d.failAt(line, column, 1, hint, "not YAML: %s", msg)
}

// node copies a node of the parser, with aliases in full.
func (d *Doc) node(y *yaml.Node, depth int) *Node {
	if d.full {
		return &Node{}
	}
	d.nodes++
	switch {
	case d.nodes > maxNodes:
		d.full = true
		d.failAt(y.Line, y.Column, 1, "", "the file grows to more than %d values; does it use aliases of aliases?", maxNodes)
		return &Node{}
	case depth > maxDepth:
		d.full = true
		d.failAt(y.Line, y.Column, 1, "", "nested more than %d deep; does an alias hold itself?", maxDepth)
		return &Node{}
	}
	n := &Node{Line: y.Line, Column: y.Column}
	switch y.Kind {
	case yaml.AliasNode:
		// A mistake inside is reported where the text is.
		return d.node(y.Alias, depth+1)
	case yaml.SequenceNode:
		n.Kind = List
		for _, item := range y.Content {
			n.Items = append(n.Items, d.node(item, depth+1))
		}
		d.plainTag(n, y.Tag, "!!seq")
	case yaml.MappingNode:
		n.Kind = Map
		d.entries(n, y, depth)
		d.plainTag(n, y.Tag, "!!map")
	default:
		d.scalar(n, y)
	}
	return n
}

func (d *Doc) plainTag(n *Node, tag, want string) {
	if tag != want && tag != "" {
		d.Fail(n, "tag %s is not known here; remove it", tag)
	}
}

func (d *Doc) scalar(n *Node, y *yaml.Node) {
	n.Text = y.Value
	switch y.ShortTag() {
	case "!!null":
		n.Kind, n.Text = Null, ""
	case "!!bool":
		n.Kind = Bool
		if t := strings.ToLower(y.Value); t != "true" && t != "false" {
			d.Fail(n, "%q is not true or false", y.Value)
		}
	case "!!int", "!!float":
		n.Kind = Number
		if !plainNumber.MatchString(y.Value) {
			d.FailHint(n, "write a plain decimal number, or put it in quotes if it is text", "%s can be read in more than one way", y.Value)
		}
	case "!!str", "!!timestamp", "!!merge":
		n.Kind = Text
	default:
		n.Kind = Text
		d.Fail(n, "tag %s is not known here; remove it", y.ShortTag())
	}
}

// entries copies the keys of a map. Keys of merged maps come last and give way
// to the map's own.
func (d *Doc) entries(n *Node, y *yaml.Node, depth int) {
	seen := make(map[string]int)
	var merged []*Node
	for i := 0; i+1 < len(y.Content) && !d.full; i += 2 {
		k, v := y.Content[i], y.Content[i+1]
		if k.Kind == yaml.ScalarNode && k.ShortTag() == "!!merge" {
			merged = append(merged, d.merge(d.node(v, depth+1))...)
			continue
		}
		key := d.node(k, depth+1)
		if !key.Scalar() {
			d.Fail(key, "a key must be text, not %s", kindNames[key.Kind])
			continue
		}
		value := d.node(v, depth+1)
		if line := seen[key.Text]; line > 0 {
			d.Fail(key, "key %q is here a second time; the first is in line %d", key.Text, line)
			continue
		}
		seen[key.Text] = max(key.Line, 1)
		n.Entries = append(n.Entries, Entry{key, value})
	}
	for _, m := range merged {
		for _, e := range m.Entries {
			if seen[e.Key.Text] == 0 {
				seen[e.Key.Text] = max(e.Key.Line, 1)
				n.Entries = append(n.Entries, e)
			}
		}
	}
}

func (d *Doc) merge(n *Node) []*Node {
	switch n.Kind {
	case Map:
		return []*Node{n}
	case List:
		var all []*Node
		for _, item := range n.Items {
			if item.Kind != Map {
				d.Fail(item, "<< takes maps, not %s", kindNames[item.Kind])
				continue
			}
			all = append(all, item)
		}
		return all
	}
	if !d.full {
		d.Fail(n, "<< takes a map, not %s", kindNames[n.Kind])
	}
	return nil
}
