package strictyaml

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Fail notes a mistake at n.
func (d *Doc) Fail(n *Node, format string, args ...any) { d.FailHint(n, "", format, args...) }

// FailHint notes a mistake at n and what was probably meant.
func (d *Doc) FailHint(n *Node, hint, format string, args ...any) {
	width := 1
	if n.Scalar() && !strings.Contains(n.Text, "\n") {
		width = max(utf8.RuneCountInString(n.Text), 1)
	}
	d.failAt(n.Line, n.Column, width, hint, format, args...)
}

func (d *Doc) failAt(line, column, width int, hint, format string, args ...any) {
	p := Problem{File: d.file, Line: line, Column: column, Message: fmt.Sprintf(format, args...), Hint: hint}
	if line > 0 && line <= len(d.lines) {
		p.Excerpt = excerpt(d.lines[line-1], line, column, width)
	}
	// A value reached through two aliases is one mistake.
	if !slices.Contains(d.problems, p) {
		d.problems = append(d.problems, p)
	}
}

// Err returns all mistakes as *Errors, nil if there are none.
func (d *Doc) Err() error {
	if len(d.problems) == 0 {
		return nil
	}
	return &Errors{What: d.file, Problems: sorted(d.problems)}
}

// Place returns file:line:column of n.
func (d *Doc) Place(n *Node) string { return fmt.Sprintf("%s:%d:%d", d.file, n.Line, n.Column) }

// Keys says what to do with the value of each key that a map may have.
type Keys map[string]func(*Node)

// Fields hands the values of a map to keys. where names the map in mistakes,
// "" for the file. Keys that begin with x- are free; an empty map may be left out.
func (d *Doc) Fields(n *Node, where string, keys Keys) {
	if !d.IsMap(n, where) {
		return
	}
	for _, e := range n.Entries {
		if strings.HasPrefix(e.Key.Text, "x-") {
			continue
		}
		f := keys[e.Key.Text]
		if f == nil {
			d.unknown(e.Key, where, keys)
			continue
		}
		f(e.Value)
	}
}

func (d *Doc) unknown(key *Node, where string, keys Keys) {
	hint := Suggest(key.Text, maps.Keys(keys))
	if hint == "" {
		hint = "it may be " + strings.Join(slices.Sorted(maps.Keys(keys)), ", ")
	}
	if where == "" {
		where = "the file"
	}
	d.FailHint(key, hint, "unknown key %q in %s", key.Text, where)
}

// IsMap reports whether n is a map or empty, and notes a mistake if not.
func (d *Doc) IsMap(n *Node, where string) bool {
	if n.Kind != Map && n.Kind != Null {
		if where == "" {
			where = "the file"
		}
		d.Fail(n, "%s must be a map of keys and values, not %s", where, kindNames[n.Kind])
		return false
	}
	return true
}

// String reads text. ok is false after a mistake.
func (d *Doc) String(n *Node, where string) (s string, ok bool) {
	if !n.Scalar() {
		d.Fail(n, "%s must be text, not %s", where, kindNames[n.Kind])
		return "", false
	}
	if n.Kind != Text {
		d.FailHint(n, "put it in quotes", "%s must be text, not %s", where, kindNames[n.Kind])
		return "", false
	}
	if n.Text == "" {
		d.Fail(n, "%s is empty text", where)
		return "", false
	}
	return n.Text, true
}

// Strings reads a list of texts and hands each over; an empty list is fine.
func (d *Doc) Strings(n *Node, where string, each func(n *Node, s string)) {
	if n.Kind != List {
		d.Fail(n, "%s must be a list, such as [a, b], not %s", where, kindNames[n.Kind])
		return
	}
	for _, item := range n.Items {
		if s, ok := d.String(item, where); ok {
			each(item, s)
		}
	}
}

// Int reads a whole number from low to high.
func (d *Doc) Int(n *Node, where string, low, high int) (int, bool) {
	v, err := strconv.Atoi(n.Text)
	if n.Kind != Number || err != nil || v < low || v > high {
		d.Fail(n, "%s must be a whole number from %d to %d, not %s", where, low, high, seen(n))
		return 0, false
	}
	return v, true
}

// Float reads a number from low to high.
func (d *Doc) Float(n *Node, where string, low, high float64) (float64, bool) {
	v, err := strconv.ParseFloat(n.Text, 64)
	if n.Kind != Number || err != nil || v < low || v > high {
		d.Fail(n, "%s must be a number from %v to %v, not %s", where, low, high, seen(n))
		return 0, false
	}
	return v, true
}

// Duration reads a duration from low to high.
func (d *Doc) Duration(n *Node, where string, low, high time.Duration) (time.Duration, bool) {
	if n.Kind == Number && n.Text != "0" {
		d.FailHint(n, fmt.Sprintf("did you mean %ss?", n.Text), "%s has no unit", where)
		return 0, false
	}
	v, err := ParseDuration(n.Text)
	if !n.Scalar() || err != nil {
		d.Fail(n, "%s must be a duration such as 30s, 5m, 2h or 7d, not %s", where, seen(n))
		return 0, false
	}
	if v < low || v > high {
		d.Fail(n, "%s must be from %s to %s, not %s", where, low, high, v)
		return 0, false
	}
	return v, true
}

// ParseDuration reads a duration of Go, in which d also stands for 24 hours.
func ParseDuration(s string) (time.Duration, error) {
	days, rest, found := strings.Cut(s, "d")
	if !found {
		days, rest = "", s
	}
	var total time.Duration
	if found {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("%q is not a duration", s)
		}
		total = time.Duration(n) * 24 * time.Hour
	}
	if rest == "" && found {
		return total, nil
	}
	if rest == "" || rest[0] == '-' || rest[0] == '+' {
		return 0, fmt.Errorf("%q is not a duration", s)
	}
	v, err := time.ParseDuration(rest)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration", s)
	}
	return total + v, nil
}

// OneOf reads one of some words.
func (d *Doc) OneOf(n *Node, where string, words ...string) (string, bool) {
	if n.Kind == Text && slices.Contains(words, n.Text) {
		return n.Text, true
	}
	d.FailHint(n, Suggest(n.Text, slices.Values(words)), "%s must be %s, not %s", where, strings.Join(words, " or "), seen(n))
	return "", false
}

// Named reports whether n names a secret's place, {env: NAME} or {file: path}.
func Named(n *Node) bool {
	return n.Kind == Map && len(n.Entries) == 1 && (n.Entries[0].Key.Text == "env" || n.Entries[0].Key.Text == "file")
}

// Secret reads what {env: NAME} or {file: path} names: never empty, without the
// newline at its end. A path is relative to dir.
func (d *Doc) Secret(n *Node, where, dir string, lookupEnv func(string) (string, bool)) (string, bool) {
	kind, name := n.Entries[0].Key.Text, n.Entries[0].Value
	text, ok := d.String(name, where+"."+kind)
	if !ok {
		return "", false
	}
	if kind == "env" {
		v, found := "", false
		if lookupEnv != nil {
			v, found = lookupEnv(text)
		}
		switch {
		case !found:
			d.Fail(name, "environment variable %s is not set, and %s needs it", text, where)
		case v == "":
			d.Fail(name, "environment variable %s is empty, and %s needs it", text, where)
		}
		return v, v != ""
	}
	if !filepath.IsAbs(text) {
		text = filepath.Join(dir, text)
	}
	data, err := ReadFile(text)
	if err != nil {
		d.Fail(name, "%s cannot be read: %v", where, err)
		return "", false
	}
	v := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	switch {
	case v == "":
		d.Fail(name, "file %s is empty, and %s needs it", text, where)
	case !utf8.ValidString(v) || strings.ContainsRune(v, 0):
		d.Fail(name, "file %s is not UTF-8 text, and %s needs it", text, where)
		return "", false
	}
	return v, v != ""
}

// Exposed reports whether others than the owner and the group may read a file.
func Exposed(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().Perm()&0o004 != 0
}

func seen(n *Node) string {
	if n.Scalar() {
		if r := []rune(n.Text); len(r) > 60 {
			return strconv.Quote(string(r[:60])) + "…"
		}
		return strconv.Quote(n.Text)
	}
	return kindNames[n.Kind]
}
