package registry_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/earshot-host/earshot/host/internal/registry"
)

const withSecrets = `
version: 1
listeners:
  a:
    plugin: log
    env: {API_KEY: {env: TOKEN}}
    config:
      file: {dir: mails}
      smtp: {password: {file: secrets/smtp}, username: u}
      list: [{env: TOKEN}]
      key: {file: secrets/pem}
events: {x: [a]}
`

func TestSecretsAreReadAndHidden(t *testing.T) {
	dir := t.TempDir()
	secrets := filepath.Join(dir, "secrets")
	if err := os.Mkdir(secrets, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"smtp": "p4ss \"w\"\r\n", "pem": "line one\nline two\n\n"} {
		if err := os.WriteFile(filepath.Join(secrets, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "events.yaml")
	if err := os.WriteFile(path, []byte(withSecrets), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := registry.Load(path, registry.Options{LookupEnv: env})
	if err != nil {
		t.Fatal(err)
	}
	l := r.Listeners["a"]
	if diff := cmp.Diff(`{"file":{"dir":"mails"},"smtp":{"password":"p4ss \"w\"","username":"u"},"list":["tok-12345"],"key":"line one\nline two\n"}`, string(l.Config)); diff != "" {
		t.Error(diff)
	}
	if l.Env["API_KEY"] != "tok-12345" {
		t.Errorf("Env = %v", l.Env)
	}
	shown := fmt.Sprint(string(l.Shown), l.ShownEnv(), r.Warnings())
	for _, secret := range append(r.Secrets(), "tok-12345") {
		if strings.Contains(shown, secret) {
			t.Errorf("%q is shown in %s", secret, shown)
		}
	}
	if diff := cmp.Diff([]string{"line one", "line two", `p4ss "w"`, "tok-12345"}, r.Secrets()); diff != "" {
		t.Error(diff)
	}
}

// TestConfigOfOneKey: at the top of config, file and env are keys of the plugin.
func TestConfigOfOneKey(t *testing.T) {
	r := parse(t, "version: 1\nlisteners: {a: {plugin: log, config: {file: out.jsonl}}}\nevents: {x: [a]}")
	if l := r.Listeners["a"]; string(l.Config) != `{"file":"out.jsonl"}` || string(l.Shown) != string(l.Config) {
		t.Errorf("Config = %s, shown as %s", l.Config, l.Shown)
	}
}

func TestShownEnvFollowsTheListener(t *testing.T) {
	r := parse(t, `
version: 1
defaults: {env: {A: {env: TOKEN}, B: {env: TOKEN}, DB_PASSWORD: in-clear}}
listeners: {a: {plugin: log, env: {A: plain}}}
events: {x: [a]}
`)
	want := map[string]string{"A": "plain", "B": "<secret>", "DB_PASSWORD": "<secret>"}
	if diff := cmp.Diff(want, r.Listeners["a"].ShownEnv()); diff != "" {
		t.Error(diff)
	}
	if got := r.Listeners["a"].Env["B"]; got != "tok-12345" {
		t.Errorf("B = %q", got)
	}
}

func TestSkipSecretsReadsNone(t *testing.T) {
	r, err := registry.Parse("events.yaml", []byte(withSecrets), registry.Options{SkipSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := json.Unmarshal(r.Listeners["a"].Config, &config); err != nil {
		t.Fatal(err)
	}
	if config["key"] != "<secret>" || len(r.Secrets()) != 0 {
		t.Errorf("config %v, secrets %v", config, r.Secrets())
	}
}

func TestSecretsThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"empty": "\n", "binary": "\xff\xfe\n", "large": strings.Repeat("x", 2<<20)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct{ name, secret, want string }{
		{"variable not set", "{env: NOPE}", "environment variable NOPE is not set, and listeners.a.config.p needs it"},
		{"variable empty", "{env: EMPTY}", "environment variable EMPTY is empty"},
		{"no name", "{env: }", "must be text, not empty"},
		{"no file", "{file: none}", "no such file"},
		{"folder", "{file: .}", "not a regular file"},
		{"empty file", "{file: empty}", "is empty"},
		{"not text", "{file: binary}", "is not UTF-8 text"},
		{"too large", "{file: large}", "larger than the limit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := "version: 1\nlisteners:\n  a: {plugin: log, config: {p: " + tt.secret + "}}\nevents: {x: [a]}\n"
			_, err := registry.Parse(filepath.Join(dir, "events.yaml"), []byte(text), registry.Options{LookupEnv: env})
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "events.yaml:3:") {
				t.Errorf("error = %v, want %q with its place", err, tt.want)
			}
		})
	}
}
