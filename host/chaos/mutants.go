package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/earshot-host/earshot/host/chaos/check"
)

// mutant is a version of the product with one promise broken on purpose. If
// the checker does not notice, it is worth nothing.
type mutant struct {
	name string
	// edits are made to copies of files in host/internal; added are new ones.
	edits []edit
	added map[string]string
	// faults bring the breach to light.
	faults []check.Kind
	// breaks are the rules of which at least one must be reported.
	breaks []check.Rule
}

type edit struct{ file, from, to string }

// catchMutants runs every mutant and fails if one goes unnoticed.
func catchMutants(ctx context.Context, opt options) error {
	var missed []string
	for _, m := range mutants {
		if !strings.Contains(m.name, opt.mutant) {
			continue
		}
		caught, err := catch(ctx, opt, m)
		if err != nil {
			return fmt.Errorf("mutant %q: %w", m.name, err)
		}
		if caught == "" {
			missed = append(missed, m.name)
			caught = "NOT NOTICED"
		}
		fmt.Fprintf(opt.log, "mutant %-34s %s\n", m.name, caught)
	}
	if len(missed) > 0 {
		return fmt.Errorf("the checker did not notice: %s", strings.Join(missed, ", "))
	}
	return nil
}

// catch runs one mutant and returns the promises that it was seen to break,
// empty if none of the expected ones is among them.
func catch(ctx context.Context, opt options, m mutant) (string, error) {
	dir, err := os.MkdirTemp("", "earshot-mutant-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if opt.overlay, err = m.overlay(ctx, dir); err != nil {
		return "", err
	}
	opt.faults, opt.dir = m.faults, filepath.Join(dir, "run")
	opt.length, opt.every, opt.events, opt.log = 25*time.Second, 500*time.Millisecond, 4000, io.Discard
	report, err := run(ctx, opt)
	if err != nil {
		return "", err
	}
	var broken []string
	expected := false
	for _, rule := range slices.Sorted(maps.Keys(report.Broken)) {
		broken = append(broken, fmt.Sprintf("%q %d times", rule, report.Broken[rule]))
		expected = expected || slices.Contains(m.breaks, rule)
	}
	if !expected {
		return "", nil
	}
	return "breaks " + strings.Join(broken, ", "), nil
}

// overlay writes the changed files into dir, and the list of them that go
// build reads. The tree itself is not touched.
func (m mutant) overlay(ctx context.Context, dir string) (string, error) {
	root, err := moduleRoot(ctx)
	if err != nil {
		return "", err
	}
	files := maps.Clone(m.added)
	if files == nil {
		files = make(map[string]string)
	}
	for _, e := range m.edits {
		text, ok := files[e.file]
		if !ok {
			b, err := os.ReadFile(filepath.Join(root, "host/internal", e.file))
			if err != nil {
				return "", err
			}
			text = string(b)
		}
		if n := strings.Count(text, e.from); n != 1 {
			return "", fmt.Errorf("%s holds %d times, not once, what is to be replaced: %s; mend the mutant in mutants_list.go", e.file, n, e.from)
		}
		files[e.file] = strings.Replace(text, e.from, e.to, 1)
	}
	replace := make(map[string]string)
	for name, text := range files {
		copied := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		if err := os.WriteFile(copied, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(root, "host/internal", name)] = copied
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, list, 0o600)
}

func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("find the source tree: %w; run this inside it", err)
	}
	return strings.TrimSpace(string(out)), nil
}
