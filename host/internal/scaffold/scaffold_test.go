package scaffold_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/earshot-host/earshot/host/internal/scaffold"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What is written is built and run by host/e2e.
func TestWrite(t *testing.T) {
	for _, lang := range scaffold.Languages() {
		t.Run(lang, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "a", "greeter")
			if err := scaffold.Write(dir, scaffold.Project{Name: "greeter", Lang: lang, SDK: "../earshot"}); err != nil {
				t.Fatal(err)
			}
			named := false
			err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				data, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				info, err := d.Info()
				if err != nil {
					return err
				}
				text := string(data)
				named = named || strings.Contains(text, "greeter")
				if strings.Contains(text, "{{") || strings.HasSuffix(path, ".tmpl") {
					t.Errorf("%s is still a template", path)
				}
				if strings.HasPrefix(text, "#!") != (info.Mode().Perm()&0o100 != 0) {
					t.Errorf("%s has mode %s", path, info.Mode())
				}
				return nil
			})
			if err != nil || !named {
				t.Errorf("error %v; the project knows its name: %t", err, named)
			}
			if err := scaffold.Write(dir, scaffold.Project{Name: "greeter", Lang: lang}); err == nil || !strings.Contains(err.Error(), "not empty") {
				t.Errorf("a second Write = %v, want a refusal", err)
			}
		})
	}
}

func TestWriteRefuses(t *testing.T) {
	for _, p := range []scaffold.Project{{Name: "Greeter", Lang: "go"}, {Name: "../x", Lang: "go"}, {Name: "", Lang: "go"}, {Name: "greeter", Lang: "cobol"}} {
		dir := filepath.Join(t.TempDir(), "p")
		if err := scaffold.Write(dir, p); err == nil {
			t.Errorf("%+v was written", p)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%+v left a folder behind", p)
		}
	}
}

func TestGoMod(t *testing.T) {
	tests := []struct {
		name      string
		p         scaffold.Project
		has, lack []string
	}{
		{"checkout", scaffold.Project{SDK: "../earshot", Version: "v1.2.3"}, []string{"earshot v0.0.0", "=> ../earshot"}, []string{"v1.2.3"}},
		{"release", scaffold.Project{Version: "v1.2.3"}, []string{"require " + scaffold.Module + " v1.2.3"}, []string{"replace"}},
		{"newest", scaffold.Project{}, []string{"go " + scaffold.GoVersion}, []string{"require", "replace"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			tt.p.Name, tt.p.Lang = "greeter", "go"
			if err := scaffold.Write(dir, tt.p); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range tt.has {
				if !strings.Contains(string(data), s) {
					t.Errorf("go.mod has no %q:\n%s", s, data)
				}
			}
			for _, s := range tt.lack {
				if strings.Contains(string(data), s) {
					t.Errorf("go.mod has %q:\n%s", s, data)
				}
			}
		})
	}
}

func TestCheckout(t *testing.T) {
	root := t.TempDir()
	deep := filepath.Join(root, "bin", "x")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := scaffold.Checkout(deep); got != "" {
		t.Errorf("Checkout = %s, want none", got)
	}
	for text, want := range map[string]string{"module example.com/other\n": "", "module " + scaffold.Module + "\n\ngo 1.26\n": root} {
		if err := os.WriteFile(filepath.Join(root, "go.mod"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := scaffold.Checkout(t.TempDir(), deep); got != want {
			t.Errorf("Checkout = %q, want %q", got, want)
		}
	}
}
