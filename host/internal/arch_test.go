// Package internal_test holds the import rules of the whole tree. What may
// know what is the architecture; this test is the place where it is written.
package internal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "github.com/earshot-host/earshot/"

// Modules that only some packages may know.
const (
	gorm     = "gorm.io/..."
	goPlugin = "github.com/hashicorp/go-plugin/..."
)

// rule says what one package may import. Paths without a dot in their first
// element are ours, and a trailing /... takes in what lies below.
type rule struct {
	pkg string
	// ours lists the packages of this module that pkg may import; nil is any.
	ours []string
	// never may not be reached, not even through others.
	never []string
	// direct may not be imported by pkg itself.
	direct []string
	// stdOnly refuses everything outside the standard library.
	stdOnly bool
}

var none = []string{}

var rules = []rule{
	{pkg: "host/internal/event", ours: none, stdOnly: true},
	{pkg: "host/internal/strictyaml", ours: none, never: []string{gorm, goPlugin}},
	{pkg: "host/internal/registry", ours: []string{"host/internal/event", "host/internal/strictyaml"}, never: []string{gorm, goPlugin}},
	{pkg: "host/internal/settings", ours: []string{"host/internal/event", "host/internal/strictyaml"}, never: []string{gorm, goPlugin}},
	{pkg: "host/internal/queue", ours: []string{"host/internal/event"}, never: []string{"sdk/...", "host/internal/registry"}},
	{pkg: "host/internal/supervisor/...", ours: []string{"host/internal/registry", "host/internal/supervisor/...", "sdk", "sdk/client", "sdk/proto/..."}, never: []string{"host/internal/queue", gorm}},
	{pkg: "host/internal/deliver", ours: []string{"host/internal/event", "host/internal/registry", "sdk", "sdk/proto/..."}, never: []string{"host/internal/queue", "host/internal/supervisor/..."}},
	{pkg: "host/internal/dispatch", ours: []string{"host/internal/event", "host/internal/registry"}, never: []string{"host/internal/queue", "host/internal/supervisor/...", "sdk/...", gorm}},
	{pkg: "host/internal/retention", ours: none, never: []string{gorm, goPlugin}},
	{pkg: "host/internal/migrate", ours: []string{"migrations"}, never: []string{gorm, goPlugin}},
	{pkg: "host/internal/gate", ours: []string{"host/internal/dispatch", "host/internal/event"}, never: []string{"host/internal/queue", "host/internal/supervisor/...", gorm}},
	{pkg: "host/internal/telemetry", ours: []string{"host/internal/dispatch", "host/internal/event", "host/internal/queue", "host/internal/registry"}, never: []string{"host/internal/supervisor/...", "sdk/..."}, direct: []string{gorm}},
	{pkg: "host/internal/doctor", ours: []string{"host/internal/event", "host/internal/queue", "host/internal/registry", "host/internal/settings"}, never: []string{"host/internal/supervisor/...", "sdk/..."}, direct: []string{gorm}},
	{pkg: "host/internal/schema", ours: []string{"host/internal/strictyaml"}, never: []string{gorm, goPlugin}},
	{pkg: "host/internal/scaffold", ours: []string{"sdk/proto/..."}},
	{pkg: "host/internal/app", direct: []string{gorm, goPlugin}},
	{pkg: "host/cmd/...", direct: []string{gorm, goPlugin}},
	{pkg: "sdk/...", ours: []string{"sdk/..."}, never: []string{"host/...", gorm}},
	{pkg: "plugins/...", ours: []string{"sdk/...", "plugins/..."}, never: []string{"host/...", gorm}},
	{pkg: "migrations", ours: none, stdOnly: true},
}

// pkg is what `go list` says of one package, tests left out.
type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
	Standard   bool
}

func TestImports(t *testing.T) {
	pkgs := goList(t, "../../...")
	for _, r := range rules {
		if !slices.ContainsFunc(pkgs, func(p pkg) bool { return matches(r.pkg, p.ImportPath) }) {
			t.Errorf("rule for %s: there is no such package; correct the table", r.pkg)
		}
	}
	for _, breach := range breaches(rules, pkgs) {
		t.Error(breach)
	}
}

// TestRulesBite breaks each kind of rule once: a rule that lets everything
// through would pass for ever.
func TestRulesBite(t *testing.T) {
	all := []rule{
		{pkg: "a", ours: []string{"b", "c/..."}},
		{pkg: "d/...", never: []string{gorm, "b"}},
		{pkg: "e", direct: []string{gorm}},
		{pkg: "f", stdOnly: true},
	}
	tests := []struct {
		name string
		pkg  pkg
		want []string
	}{
		{"allowed", ours("a", "b", "c/x", "fmt"), nil},
		{"one of ours too many", ours("a", "d"), []string{"a imports d; it may import only b, c/..."}},
		{"no rule", ours("x", "a", "gorm.io/gorm"), nil},
		{"reached through others", pkg{ImportPath: module + "d/deep", Deps: []string{module + "b", "gorm.io/gorm/clause"}}, []string{
			"d/deep reaches b, which it must not know, not even through others",
			"d/deep reaches gorm.io/gorm/clause, which it must not know, not even through others",
		}},
		{"imported itself", ours("e", "gorm.io/gorm"), []string{"e imports gorm.io/gorm itself, which it must leave to others"}},
		{"through others is not itself", pkg{ImportPath: module + "e", Deps: []string{"gorm.io/gorm"}}, nil},
		{"outside the standard library", pkg{ImportPath: module + "f", Deps: []string{"fmt", "golang.org/x/text/language"}}, []string{
			"f reaches golang.org/x/text/language; it may use only the standard library",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			std := pkg{ImportPath: "fmt", Standard: true}
			if diff := cmp.Diff(tt.want, breaches(all, []pkg{tt.pkg, std})); diff != "" {
				t.Errorf("breaches (-want +got):\n%s", diff)
			}
		})
	}
}

func ours(path string, imports ...string) pkg {
	p := pkg{ImportPath: module + path}
	for _, i := range imports {
		if !strings.Contains(i, ".") && i != "fmt" {
			i = module + i
		}
		p.Imports = append(p.Imports, i)
	}
	p.Deps = p.Imports
	return p
}

func breaches(rules []rule, pkgs []pkg) []string {
	std := make(map[string]bool)
	for _, p := range pkgs {
		std[p.ImportPath] = p.Standard
	}
	var out []string
	for _, p := range pkgs {
		for _, r := range rules {
			if matches(r.pkg, p.ImportPath) {
				out = append(out, r.breaches(p, std)...)
			}
		}
	}
	return out
}

func (r rule) breaches(p pkg, std map[string]bool) []string {
	var out []string
	name := short(p.ImportPath)
	for _, i := range p.Imports {
		if strings.HasPrefix(i, module) && r.ours != nil && !matchesAny(r.ours, i) {
			out = append(out, fmt.Sprintf("%s imports %s; it may import only %s", name, short(i), strings.Join(r.ours, ", ")))
		}
		if matchesAny(r.direct, i) {
			out = append(out, fmt.Sprintf("%s imports %s itself, which it must leave to others", name, i))
		}
	}
	for _, d := range p.Deps {
		if matchesAny(r.never, d) {
			out = append(out, fmt.Sprintf("%s reaches %s, which it must not know, not even through others", name, short(d)))
		}
		if r.stdOnly && !std[d] {
			out = append(out, fmt.Sprintf("%s reaches %s; it may use only the standard library", name, short(d)))
		}
	}
	return out
}

func matchesAny(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, path) })
}

func matches(pattern, path string) bool {
	if first, _, _ := strings.Cut(pattern, "/"); !strings.Contains(first, ".") {
		pattern = module + pattern
	}
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return path == base || strings.HasPrefix(path, base+"/")
	}
	return path == pattern
}

func short(path string) string { return strings.TrimPrefix(path, module) }

// goList lists packages with all that they reach.
func goList(t *testing.T, pattern string) []pkg {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Imports,Deps,Standard", pattern)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return pkgs
		}
		if err != nil {
			t.Fatalf("read go list: %v", err)
		}
		pkgs = append(pkgs, p)
	}
}
