// Package scaffold writes the project of a new listener: one that builds,
// passes its tests and runs before its author has changed a line.
package scaffold

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"

	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

//go:embed templates
var templates embed.FS

// Module is the module that has the SDK.
const Module = "github.com/earshot-host/earshot"

// GoVersion is what the SDK needs.
const GoVersion = "1.26"

// Project is what is written.
type Project struct {
	// Name is the plugin's name.
	Name string
	// Lang is one of Languages.
	Lang string
	// SDK is the folder of a checkout to build against; empty builds against Version.
	SDK string
	// Version of the SDK's module, such as v1.2.3; empty leaves it to go mod tidy,
	// which takes the newest.
	Version string
}

// Languages are those that a project can be written in.
func Languages() []string { return []string{"go", "node", "exec"} }

var name = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,99}$`)

// Write makes the folder dir with the project in it. It refuses a folder that
// has something in it.
func Write(dir string, p Project) error {
	if !name.MatchString(p.Name) {
		return fmt.Errorf("%q cannot be a plugin's name: it may hold only a-z, 0-9, - and _, and begins with a letter or digit", p.Name)
	}
	if !slices.Contains(Languages(), p.Lang) {
		return fmt.Errorf("there is no project in %q: choose one of %s", p.Lang, strings.Join(Languages(), ", "))
	}
	switch entries, err := os.ReadDir(dir); {
	case len(entries) > 0:
		return fmt.Errorf("%s is not empty: name another folder", dir)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	event, err := templates.ReadFile("templates/event.json")
	if err != nil {
		return err
	}
	files := map[string][]byte{"testdata/appointment.saved.json": event}
	if p.Lang == "node" {
		files["listener.proto"] = []byte(listenerv1.Source())
	}
	if err := p.fill(files); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "testdata"), 0o755); err != nil {
		return err
	}
	for name, data := range files {
		mode := fs.FileMode(0o644)
		if strings.HasPrefix(string(data), "#!") {
			mode = 0o755
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, mode); err != nil {
			return err
		}
	}
	return nil
}

// fill adds the files of the project's language.
func (p Project) fill(files map[string][]byte) error {
	folder := "templates/" + p.Lang
	entries, err := templates.ReadDir(folder)
	if err != nil {
		return err
	}
	values := map[string]string{"Name": p.Name, "SDK": p.SDK, "Require": p.Version, "GoVersion": GoVersion}
	if p.SDK != "" {
		values["Require"] = "v0.0.0"
	}
	for _, e := range entries {
		t, err := template.New(e.Name()).Option("missingkey=error").ParseFS(templates, path.Join(folder, e.Name()))
		if err != nil {
			return err
		}
		var b strings.Builder
		if err := t.Execute(&b, values); err != nil {
			return err
		}
		name := strings.TrimSuffix(e.Name(), ".tmpl")
		if name == "gitignore" {
			name = ".gitignore"
		}
		files[name] = []byte(b.String())
	}
	return nil
}

var moduleLine = regexp.MustCompile(`(?m)^module\s+` + regexp.QuoteMeta(Module) + `\s*$`)

// Checkout returns the folder of the checkout of Earshot that one of the
// folders lies in; empty if none does.
func Checkout(folders ...string) string {
	for _, dir := range folders {
		for dir != "" {
			if IsCheckout(dir) {
				return dir
			}
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	return ""
}

// IsCheckout reports whether dir is the root of a checkout of Earshot.
func IsCheckout(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && moduleLine.Match(data)
}
