package supervisor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	for _, path := range []string{
		filepath.Join(first, prefix+"email"), filepath.Join(second, prefix+"email"),
		filepath.Join(second, prefix+"whatsapp"), filepath.Join(second, "unrelated"),
	} {
		if err := os.WriteFile(path, nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	dirs := []string{filepath.Join(first, "missing"), first, second}
	got, err := Find(dirs, "email")
	if want := filepath.Join(first, prefix+"email"); err != nil || got != want {
		t.Errorf("Find = %s, %v, want %s", got, err, want)
	}
	tests := []struct {
		name, plugin string
		dirs, want   []string
	}{
		{"typing error", "whatsap", dirs, []string{first, second, `did you mean "whatsapp"?`, "email, whatsapp"}},
		{"nothing like it", "sms", dirs, []string{"no earshot-listener-sms in", "installed: email, whatsapp"}},
		{"empty folder", "email", dirs[:1], []string{"no plugins are installed there"}},
		{"no folders", "email", nil, []string{"plugins.dirs"}},
		{"a path", "../email", dirs, []string{"is no plugin name"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Find(tt.dirs, tt.plugin)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %q", want, err)
				}
			}
		})
	}
}
