package supervisor

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// prefix begins the file name of every plugin.
const prefix = "earshot-listener-"

// NotFoundError says that no folder has the plugin.
type NotFoundError struct {
	Name string
	Dirs []string
	// Have are the names of the plugins that are there.
	Have []string
}

func (e *NotFoundError) Error() string {
	msg := fmt.Sprintf("there is no %s%s in %s", prefix, e.Name, strings.Join(e.Dirs, ", "))
	if len(e.Dirs) == 0 {
		msg = fmt.Sprintf("there is no folder to look for %s%s in: set plugins.dirs", prefix, e.Name)
	}
	if near := nearest(e.Name, e.Have); near != "" {
		msg += fmt.Sprintf("; did you mean %q?", near)
	}
	if len(e.Have) == 0 {
		return msg + "; no plugins are installed there"
	}
	return msg + "; installed: " + strings.Join(e.Have, ", ")
}

// Find returns the absolute path of plugin name: the file
// earshot-listener-<name> in the first of dirs that has it.
func Find(dirs []string, name string) (string, error) {
	if name == "" || strings.ContainsRune(name, filepath.Separator) {
		return "", fmt.Errorf("%q is no plugin name: a file is named with path, not with plugin", name)
	}
	for _, dir := range dirs {
		path, err := filepath.Abs(filepath.Join(dir, prefix+name))
		if err != nil {
			return "", err
		}
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return path, nil
		}
	}
	return "", &NotFoundError{Name: name, Dirs: dirs, Have: Names(dirs)}
}

// Names lists the plugins that are installed in dirs.
func Names(dirs []string) []string {
	var names []string
	for _, dir := range dirs {
		entries, _ := os.ReadDir(dir) // a folder that is missing has none
		for _, e := range entries {
			if name, ok := strings.CutPrefix(e.Name(), prefix); ok && name != "" && !e.IsDir() {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// nearest is the name that is at most two letters away, or none.
func nearest(name string, names []string) string {
	best, found := 3, ""
	for _, n := range names {
		if d := distance(name, n); d < best {
			best, found = d, n
		}
	}
	return found
}

// distance counts the letters to add, drop or change.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
