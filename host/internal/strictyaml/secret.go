package strictyaml

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// Named reports whether n names a secret's place, {env: NAME} or {file: path}.
func Named(n *Node) bool {
	if n.Kind != Map || len(n.Entries) != 1 {
		return false
	}
	e := n.Entries[0]
	return (e.Key.Text == "env" || e.Key.Text == "file") && e.Value.Kind != Map && e.Value.Kind != List
}

// Cause is an error of a file without the path, for a text that has it already.
func Cause(err error) string {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
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
		d.Fail(name, "file %s cannot be read, and %s needs it: %s", text, where, Cause(err))
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
