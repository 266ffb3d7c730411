package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// configFolder is a folder with an events.yaml and a secret.
func configFolder(t *testing.T, events string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"events.yaml": "version: 1\n" + events, "pw": "hunter2-hunter2\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const wrongConfigs = `listeners:
  mail:
    plugin: email
    config:
      transport: smtp
      smtp: {host: smtp.example.com, prot: 587, password: {file: pw}}
      from: 7
  sms:
    plugin: exec
    config: {command: {file: pw}, dry_run: {env: NOT_SET}}
  file: {plugin: log}
  gone: {plugin: nowhere, config: {a: 1}}
events:
  x: [mail, sms, file, gone]
`

func TestConfigIsHeldAgainstPlugins(t *testing.T) {
	dir := configFolder(t, wrongConfigs)
	places := func(line string) (got struct {
		Valid    bool
		Problems []struct {
			Line, Column int
			Message      string
		}
		Warnings []string
	}) {
		t.Helper()
		out := sh(t, dir, []string{"NOT_SET=x"}, line+" -o json 2>messages || test $? = 3")
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if strings.Contains(out, "hunter2") {
			t.Errorf("a secret is printed: %s", out)
		}
		return got
	}
	want := map[[2]int]string{
		{7, 38}:  "listeners.mail.config.smtp.prot: is a key that the plugin does not know",
		{8, 13}:  "listeners.mail.config.from: must be text, not a number",
		{11, 23}: "listeners.sms.config.command: must be a list, not text",
		{11, 44}: "listeners.sms.config.dry_run: must be true or false, not text",
		{12, 3}:  "listeners.file.config.path: is missing",
	}
	for _, line := range []string{"earshot config validate", "earshot config validate --skip-secrets"} {
		got := places(line)
		found := make(map[[2]int]string)
		for _, p := range got.Problems {
			found[[2]int{p.Line, p.Column}] = p.Message
		}
		for at, message := range want {
			if !strings.HasPrefix(found[at], message) {
				t.Errorf("%s: at %v %q, want %q; all: %v", line, at, found[at], message, found)
			}
		}
		if len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0], "listeners.gone: its plugin is not installed here") {
			t.Errorf("%s: warnings %q", line, got.Warnings)
		}
	}
	if got := places("earshot config validate --no-plugins"); !got.Valid {
		t.Errorf("without plugins: %+v", got)
	}
}

func TestConfigOfPluginThatDoesNotStart(t *testing.T) {
	dir := configFolder(t, "listeners: {a: {plugin: ./broken}}\nevents: {x: [a]}\n")
	if err := os.WriteFile(filepath.Join(dir, "broken"), []byte("#!/bin/sh\necho no license >&2\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	out := sh(t, dir, nil, "earshot config validate 2>&1 || test $? = 6")
	for _, part := range []string{"listener a", "exit code 3", "no license"} {
		if !strings.Contains(out, part) {
			t.Errorf("it does not say %q: %s", part, out)
		}
	}
}

func TestConfigSchemaKnowsPlugins(t *testing.T) {
	dir := configFolder(t, "listeners: {}\nevents: {}\n")
	var got struct {
		Defs map[string]struct {
			Required   []string       `json:"required"`
			Properties map[string]any `json:"properties"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(sh(t, dir, nil, "earshot config schema 2>/dev/null")), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"command"}, got.Defs["plugin-exec"].Required); diff != "" {
		t.Errorf("exec requires (-want +got):\n%s", diff)
	}
	for plugin, key := range map[string]string{"plugin-email": "smtp", "plugin-log": "path"} {
		if got.Defs[plugin].Properties[key] == nil {
			t.Errorf("%s has no key %s", plugin, key)
		}
	}
	if plain := sh(t, dir, nil, "earshot config schema --no-plugins"); strings.Contains(plain, "plugin-exec") {
		t.Error("plugins were asked")
	}
}
