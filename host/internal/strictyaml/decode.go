package strictyaml

import (
	"fmt"
	"maps"
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
	d.problem(line, column, width, false, hint, fmt.Sprintf(format, args...))
}

// maxProblems are kept; a file with more is of another kind.
const maxProblems = 200

// problem notes a mistake; cut ends the excerpt behind it.
func (d *Doc) problem(line, column, width int, cut bool, hint, message string) {
	if len(d.problems) == maxProblems {
		return
	}
	p := Problem{File: d.file, Line: line, Column: column, Message: message, Hint: hint}
	if line > 0 && line <= len(d.lines) {
		text := beginning(d.lines[line-1])
		if runes := []rune(text); cut && column-1+width < len(runes) {
			text = string(runes[:column-1+width]) + "…"
		}
		p.Excerpt = excerpt(text, line, column, width)
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
		hint = "possible keys: " + strings.Join(slices.Sorted(maps.Keys(keys)), ", ")
	}
	if where == "" {
		where = "the file"
	}
	d.FailKey(key, hint, "unknown key %q in %s", key.Text, where)
}

// FailKey notes a mistake at a key. The value is cut off the excerpt: nobody
// knows whether it is a secret.
func (d *Doc) FailKey(key *Node, hint, format string, args ...any) {
	d.problem(key.Line, key.Column, max(utf8.RuneCountInString(key.Text), 1), true, hint, fmt.Sprintf(format, args...))
}

// Fresh is the same file without mistakes, to look for others in it.
func (d *Doc) Fresh() *Doc { return &Doc{Root: d.Root, file: d.file, lines: d.lines} }

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
	if n.Kind == Number {
		d.FailHint(n, fmt.Sprintf("did you mean %ss?", n.Text), "%s has no unit", where)
		return 0, false
	}
	v, err := ParseDuration(n.Text)
	if !n.Scalar() || err != nil {
		d.Fail(n, "%s must be a duration such as 30s, 5m, 2h or 7d, not %s", where, seen(n))
		return 0, false
	}
	if v < low || v > high {
		d.Fail(n, "%s must be from %s to %s, not %s", where, FormatDuration(low), FormatDuration(high), n.Text)
		return 0, false
	}
	return v, true
}

// OneOf reads one of some words.
func (d *Doc) OneOf(n *Node, where string, words ...string) (string, bool) {
	if n.Kind == Text && slices.Contains(words, n.Text) {
		return n.Text, true
	}
	d.FailHint(n, Suggest(n.Text, slices.Values(words)), "%s must be %s, not %s", where, strings.Join(words, " or "), seen(n))
	return "", false
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
