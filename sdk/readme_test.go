package sdk_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"go.yaml.in/yaml/v4"
)

// TestReadme follows the guide: it writes each file and runs each command, in
// their order.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var commands []string
	for _, m := range regexp.MustCompile("(?ms)^```(\\w+) ?(\\S*)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		switch language, file, block := m[1], m[2], m[3]; {
		case file != "":
			write(t, filepath.Join(dir, file), block)
		case language == "sh":
			commands = append(commands, block)
		case language == "yaml":
			write(t, filepath.Join(dir, "yaml.json"), configOf(t, block))
			commands = append(commands, "./earshot-listener-greeter validate -c yaml.json")
		default:
			t.Errorf("this block is neither a file nor run:\n%s", block)
		}
	}
	if len(commands) != 4 {
		t.Errorf("%d blocks of commands, want 4", len(commands))
	}
	for _, c := range commands {
		cmd := exec.CommandContext(t.Context(), "sh", "-ec", c)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "EARSHOT="+root, "GOFLAGS=-mod=mod", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s%v\n%s", c, err, out)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// configOf takes the listener's block out of an events.yaml.
func configOf(t *testing.T, text string) string {
	t.Helper()
	var events struct {
		Listeners map[string]struct {
			Config map[string]any `yaml:"config"`
		} `yaml:"listeners"`
	}
	if err := yaml.Unmarshal([]byte(text), &events); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(events.Listeners["greeter"].Config)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
