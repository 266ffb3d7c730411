package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const events = `version: 1
listeners:
  email:
    plugin: email
    rate: 30/m
    env: {KEY: {file: pw}}
    config: {smtp: {password: {file: pw}}, token: in-clear-7}
  log: {plugin: ./bin/log}
events:
  appointment.saved: [email: {when: {customer.email: present}}]
  appointment.*: [log, email]
  stock.low: []
`

// configDir makes a folder with both files and a secret, and goes there.
func configDir(t *testing.T, events string) string {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string]string{"events.yaml": events, "host.yaml": "run: {batch: 7}\ndatabase: {dsn: q.db}\n", "pw": "hunter2\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// command runs earshot in this process and returns its stdout, with runs of
// spaces as one.
func command(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var messages bytes.Buffer
	return commandTo(t, &messages, args...)
}

func commandTo(t *testing.T, messages *bytes.Buffer, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := newRoot(t.Context())
	root.SetOut(&out)
	root.SetErr(messages)
	root.SetArgs(args)
	err := root.Execute()
	if args[len(args)-1] == "json" {
		return out.String(), err
	}
	var lines []string
	for line := range strings.Lines(out.String()) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n"), err
}

func TestConfigValidate(t *testing.T) {
	dir := configDir(t, events)
	var messages bytes.Buffer
	got, err := commandTo(t, &messages, "config", "validate")
	if err != nil {
		t.Fatal(err)
	}
	if want := dir + "/events.yaml is valid: 2 listeners, 3 events"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	want := "warning: " + dir + "/events.yaml:7:51: listeners.email.config.token is written in clear; write {file: path} or {env: NAME}\n"
	if !strings.Contains(messages.String(), want) {
		t.Errorf("messages %s, want %s", &messages, want)
	}
	if err := os.Remove("pw"); err != nil {
		t.Fatal(err)
	}
	if _, err := command(t, "config", "validate"); err == nil || codeOf(err) != exitConfig || !strings.Contains(err.Error(), "events.yaml:6:23: file "+dir+"/pw cannot be read") {
		t.Errorf("without the secret: code %d, %v", codeOf(err), err)
	}
	if _, err := command(t, "config", "validate", "--skip-secrets"); err != nil {
		t.Error(err)
	}
}

func TestConfigValidateInJSON(t *testing.T) {
	configDir(t, "version: 1\nlisteners: {a: {plugn: log}}\nevents: {x: [b]}\n")
	out, err := command(t, "config", "validate", "-o", "json")
	if err == nil || codeOf(err) != exitConfig || err.Error() != "" {
		t.Errorf("code %d, %q", codeOf(err), err)
	}
	var got checked
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if got.Valid || len(got.Problems) != 3 || got.Problems[1].Line != 2 || got.Problems[1].Hint != `did you mean "plugin"?` {
		t.Errorf("%+v", got)
	}
	configDir(t, events)
	if out, err = command(t, "config", "validate", "--no-plugins", "-o", "json"); err != nil {
		t.Fatal(err)
	}
	got = checked{}
	if err := json.Unmarshal([]byte(out), &got); err != nil || !got.Valid || got.Listeners != 2 || len(got.Warnings) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestConfigShowHidesSecrets(t *testing.T) {
	t.Setenv("EARSHOT_DATABASE_DSN", "app:hunter2@/app")
	configDir(t, events)
	table, err := command(t, "config", "show")
	if err != nil {
		t.Fatal(err)
	}
	out, err := command(t, "config", "show", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"hunter2", "in-clear-7"} {
		if strings.Contains(table, secret) || strings.Contains(out, secret) {
			t.Errorf("%s is shown", secret)
		}
	}
	for _, line := range []string{"run.batch 7", "database.dsn <secret> environment EARSHOT_DATABASE_DSN", "log.level info default", `email email 30s 4 30/m`, "appointment.saved email customer.email is present", "stock.low - nobody is to be told"} {
		if !strings.Contains(table, line) {
			t.Errorf("%q is not in\n%s", line, table)
		}
	}
	var got shownConfig
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	email := got.Listeners[0]
	var config struct {
		SMTP  struct{ Password string }
		Token string
	}
	if err := json.Unmarshal(email.Config, &config); err != nil {
		t.Fatal(err)
	}
	if config.SMTP.Password != "<secret>" || config.Token != "<secret>" || email.Env["KEY"] != "<secret>" || email.Rate != "30/m" || email.Retry.First != "30s" {
		t.Errorf("%+v, %+v", email, config)
	}
}

func TestConfigRoutes(t *testing.T) {
	configDir(t, events)
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"all", nil, "EVENT LISTENER WHEN\nappointment.saved email customer.email is present\nappointment.* log -\nappointment.* email -\nstock.low - nobody is to be told"},
		{"one", []string{"appointment.saved"}, "LISTENER TOLD ENTRY WHY\nemail if appointment.saved customer.email is present\nlog yes appointment.* -\nemail yes appointment.* -"},
		{"with a payload", []string{"appointment.saved", "--payload", `{"customer":{"email":"a@example.com"}}`},
			"LISTENER TOLD ENTRY WHY\nemail yes appointment.saved customer.email is present\nlog yes appointment.* -\nemail no appointment.* is told already, by appointment.saved"},
		{"with another", []string{"appointment.saved", "--payload", `{}`},
			"LISTENER TOLD ENTRY WHY\nemail no appointment.saved it is not so that customer.email is present\nlog yes appointment.* -\nemail yes appointment.* -"},
		{"nobody", []string{"stock.low"}, "LISTENER TOLD ENTRY WHY\n- no stock.low nobody is to be told"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := command(t, append([]string{"config", "routes"}, tt.args...)...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	_, err := command(t, "config", "routes", "stock.lo")
	if codeOf(err) != exitNotFound || !strings.Contains(err.Error(), `matches "stock.lo"; did you mean "stock.low"?`) {
		t.Errorf("code %d, %v", codeOf(err), err)
	}
	for _, args := range [][]string{{"--payload", "{}"}, {"x", "--payload", "[]"}, {"x", "y"}} {
		if _, err := command(t, append([]string{"config", "routes"}, args...)...); codeOf(err) != exitUsage {
			t.Errorf("%v: code %d, %v", args, codeOf(err), err)
		}
	}
}

func TestConfigSchemaIsJSON(t *testing.T) {
	out, err := command(t, "config", "schema")
	if err != nil || !json.Valid([]byte(out)) || !strings.Contains(out, "2020-12") {
		t.Errorf("%v: %.100s", err, out)
	}
}
