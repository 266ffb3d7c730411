package supervisor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRunDirRefusals(t *testing.T) {
	base := shortDir(t)
	open := filepath.Join(base, "open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(base, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	long := filepath.Join(base, strings.Repeat("a", 90))
	tests := []struct {
		name, dir string
		want      []string
	}{
		{"too long for a socket", long, []string{long, "may have 107", "choose a shorter one"}},
		{"open to others", open, []string{open, "others may write to it", filepath.Join(open, "earshot")}},
		{"a file", file, []string{file}},
		{"of another user", "/proc/1", []string{"/proc/1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(Options{RunDir: tt.dir})
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

func TestRunDirIsOnlyOurs(t *testing.T) {
	base := shortDir(t)
	if err := os.Chmod(base, 0o755); err != nil {
		t.Fatal(err)
	}
	// Whatever else is in it stays: only what a host makes is swept.
	for _, name := range []string{"hello", "h1x", "h77", "h88/deep"} {
		if err := os.MkdirAll(filepath.Join(base, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(base, "h88", "lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := newRunDir(base)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(base)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %s, %v, want 0700", info.Mode(), err)
	}
	for name, want := range map[string]bool{"hello": true, "h1x": true, "h77": false, "h88": false} {
		if _, err := os.Stat(filepath.Join(base, name)); (err == nil) != want {
			t.Errorf("%s is there: %t, want %t", name, err == nil, want)
		}
	}
	if err := d.close(); err != nil {
		t.Error(err)
	}
}

// The longest run folder that is taken is one in which sockets work.
func TestLongestRunDir(t *testing.T) {
	base := shortDir(t)
	room := 107 - len("/h4294967295"+socketName)
	opt := quick(t)
	opt.RunDir = base + "/" + strings.Repeat("b", room-len(base)-1)
	s, _ := supervise(t, opt, playing("email", "puppet"))
	ask(t, s, "email", "pid")
}
