package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

const root = "../../.."

// TestDocuments holds documents to what exists: the files that they name, the
// commands and flags that they show, the targets of make.
func TestDocuments(t *testing.T) {
	c := newChecker(t)
	for path, text := range documents(t) {
		for _, fault := range c.faults(path, text) {
			t.Error(fault)
		}
	}
}

func TestDocumentChecksBite(t *testing.T) {
	c := newChecker(t)
	tests := []struct{ text, want string }{
		{"see [the guide](host/README.md#trouble) and `host/e2e`, `claim.go`, `sdk/proto`", ""},
		{"see [the guide](host/GUIDE.md)", "host/GUIDE.md"},
		{"in `host/internal/queue/clam.go`", "host/internal/queue/clam.go"},
		{"in `clam.go`", "clam.go"},
		{"run `earshot queue list|show` or `earshot process_events [N]`", ""},
		{"`earshot dispatch EVENT --payload @file|-`, `earshot run --once --limit 20`, `earshot --config x queue list -o json`", ""},
		{"```sh\n* * * * * cd /etc && earshot rnu --once\nmake test\n```", "earshot rnu"},
		{"`earshot queue lits`", "earshot queue lits"},
		{"`earshot queue list|lits`", "earshot queue lits"},
		{"`bin/earshot run --onec`", "--onec"},
		{"```sh\nmake demo     # make this\nmake tset\n```", "make tset"},
	}
	for _, tt := range tests {
		got := strings.Join(c.faults("X.md", tt.text), "\n")
		if tt.want == "" && got != "" {
			t.Errorf("%s: %s, want no fault", tt.text, got)
		}
		if !strings.Contains(got, tt.want) || strings.Count(got, "\n") > 0 {
			t.Errorf("%s: faults %q, want one with %q", tt.text, got, tt.want)
		}
	}
}

// documents returns the text of every document, by its path from the root.
func documents(t *testing.T) map[string]string {
	t.Helper()
	out := make(map[string]string)
	for path := range tree(t) {
		if filepath.Ext(path) != ".md" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		out[path] = string(text)
	}
	if len(out) < 5 {
		t.Fatalf("%d documents found, want at least 5: is the root right?", len(out))
	}
	return out
}

// tree lists the files and folders of the repository, without what is built.
func tree(t *testing.T) map[string]bool {
	t.Helper()
	out := make(map[string]bool)
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains([]string{".git", ".tools", "bin", "var", "node_modules"}, d.Name()) {
			return fs.SkipDir
		}
		out[path] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// checker knows what exists.
type checker struct {
	paths   map[string]bool
	names   map[string]bool
	targets map[string]bool
	cmd     *cobra.Command
}

func newChecker(t *testing.T) *checker {
	t.Helper()
	c := &checker{paths: tree(t), names: make(map[string]bool), targets: make(map[string]bool), cmd: newRoot(t.Context())}
	c.cmd.InitDefaultHelpCmd()
	c.cmd.InitDefaultCompletionCmd()
	for p := range c.paths {
		c.names[filepath.Base(p)] = true
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^([a-z-]+):`).FindAllStringSubmatch(string(makefile), -1) {
		c.targets[m[1]] = true
	}
	return c
}

var (
	fence = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```")
	span  = regexp.MustCompile("`([^`\n]+)`")
	link  = regexp.MustCompile(`\]\(([^)\s#]+)[^)\s]*\)`)
	// ours begins with a top-level folder.
	ours   = regexp.MustCompile(`^(host|sdk|plugins|config|migrations|examples|\.ci)/[\w./-]+$`)
	source = regexp.MustCompile(`^[\w-]+\.(go|proto|sql)$`)
	mk     = regexp.MustCompile(`(?:^|\s)make ([a-z-]+)`)
	ear    = regexp.MustCompile("(?:^|[\\s/])earshot ([^#`&]+)")
)

func (c *checker) faults(path, text string) []string {
	var out []string
	fault := func(format string, args ...any) { out = append(out, path+": "+fmt.Sprintf(format, args...)) }
	var code []string
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		if m[1] == "sh" || m[1] == "cron" || m[1] == "" {
			for line := range strings.Lines(m[2]) {
				code = append(code, strings.TrimSpace(line))
			}
		}
	}
	prose := fence.ReplaceAllString(text, "")
	for _, m := range span.FindAllStringSubmatch(prose, -1) {
		code = append(code, m[1])
		name := strings.TrimSuffix(m[1], "/")
		switch {
		case ours.MatchString(name) && !strings.Contains(name, "...") && !c.paths[name] && !c.paths[filepath.Join(filepath.Dir(path), name)]:
			fault("there is no %s", name)
		case source.MatchString(name) && !c.names[name]:
			fault("there is no file %s", name)
		}
	}
	for _, m := range link.FindAllStringSubmatch(prose, -1) {
		if !strings.Contains(m[1], ":") && !c.paths[filepath.Join(filepath.Dir(path), m[1])] {
			fault("links to %s, which is not there", m[1])
		}
	}
	for _, line := range code {
		line, _, _ = strings.Cut(line, " #")
		for _, m := range mk.FindAllStringSubmatch(line, -1) {
			if !c.targets[m[1]] {
				fault("the Makefile has no target for: make %s", m[1])
			}
		}
		for _, m := range ear.FindAllStringSubmatch(line, -1) {
			if why := c.command(strings.Fields(m[1])); why != "" {
				fault("%s", why)
			}
		}
	}
	return out
}

// command says why there is no such command; "a|b" stands for both.
func (c *checker) command(words []string) string {
	for i, w := range words {
		if first, rest, both := strings.Cut(w, "|"); both && word.MatchString(first) {
			for _, alternative := range append([]string{first}, strings.Split(rest, "|")...) {
				if why := c.command(slices.Concat(words[:i], []string{alternative}, words[i+1:])); why != "" {
					return why
				}
			}
			return ""
		}
	}
	cmd, value := c.cmd, false
	for _, w := range words {
		switch {
		case value:
			value = false
		case strings.HasPrefix(w, "--"):
			name, _, given := strings.Cut(w[2:], "=")
			f := cmd.Flag(name)
			if f == nil {
				f = c.cmd.PersistentFlags().Lookup(name)
			}
			if f == nil && name != "help" && name != "version" {
				return fmt.Sprintf("%s has no flag %s", cmd.CommandPath(), w)
			}
			value = f != nil && f.NoOptDefVal == "" && !given
		case strings.HasPrefix(w, "-"):
			value = w == "-o"
		case cmd.HasSubCommands() && word.MatchString(w):
			next, _, err := cmd.Find([]string{w})
			if err != nil || next == cmd {
				return fmt.Sprintf("there is no command: %s %s", cmd.CommandPath(), w)
			}
			cmd = next
		}
	}
	return ""
}

// word is what a command's name looks like; EVENT and 20 stand for arguments.
var word = regexp.MustCompile(`^[a-z][a-z_-]*$`)
