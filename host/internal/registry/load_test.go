package registry_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/registry"
)

func TestEveryMistakeIsReportedAtOnce(t *testing.T) {
	_, err := registry.Load("testdata/mistakes.yaml", registry.Options{LookupEnv: env})
	var problems *registry.Errors
	if !errors.As(err, &problems) {
		t.Fatalf("error = %v, want *registry.Errors", err)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("the message holds a password of the file")
	}
	here, _ := filepath.Abs(".")
	golden(t, "mistakes.txt", strings.ReplaceAll(err.Error(), here, "/here")+"\n")
}

func TestLoadAppliesDefaults(t *testing.T) {
	r := parse(t, `
version: 1
defaults:
  timeout: 1m30s
  concurrency: 2
  env: {TZ: {env: TZ}, LANG: C}
  retry: {first: 10s, jitter: 0}
  payload: {drop: [a.secret]}
listeners:
  plain: {plugin: log}
  own:
    plugin: ./bin/own
    timeout: 30m
    concurrency: 9
    rate: 30/m
    order_by: appointment.id
    sha256: "ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
    env: {LANG: pt_BR}
    retry: {max_attempts: 5, max: 1h, factor: 1.5}
    payload: {only: [a], drop: [b.*]}
events: {x: [plain, own]}
`)
	type facts struct {
		Plugin, Path, SHA256, OrderBy string
		Env                           map[string]string
		Config                        string
		Timeout                       time.Duration
		Retry                         event.Policy
		Concurrency                   int
		Rate                          event.Rate
		Only, Drop                    []string
	}
	got := make(map[string]facts)
	for name, l := range r.Listeners {
		got[name] = facts{l.Plugin, l.Path, l.SHA256, l.OrderBy, l.Env, string(l.Config), l.Timeout, l.Retry, l.Concurrency, l.Rate, l.Only, l.Drop}
	}
	want := map[string]facts{
		"plain": {
			Plugin: "log", Env: map[string]string{"TZ": "America/Sao_Paulo", "LANG": "C"}, Config: "{}",
			Timeout: 90 * time.Second, Concurrency: 2, Drop: []string{"a.secret"},
			Retry: event.Policy{First: 10 * time.Second, Factor: 3, Max: 6 * time.Hour},
		},
		"own": {
			Path:    filepath.Join(r.Dir, "bin/own"),
			SHA256:  "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789",
			OrderBy: "appointment.id", Env: map[string]string{"TZ": "America/Sao_Paulo", "LANG": "pt_BR"}, Config: "{}",
			Timeout: 30 * time.Minute, Concurrency: 9, Rate: event.Rate{Events: 30, Per: time.Minute},
			Retry: event.Policy{MaxAttempts: 5, First: 10 * time.Second, Factor: 1.5, Max: time.Hour},
			Only:  []string{"a"}, Drop: []string{"a.secret", "b.*"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"own", "plain"}, r.Names()); diff != "" {
		t.Error(diff)
	}
}

func TestWithoutDefaultsTheHostsOwnHold(t *testing.T) {
	l := parse(t, "version: 1\nlisteners: {a: {plugin: log}}\nevents: {x: [a]}").Listeners["a"]
	if l.Timeout != 30*time.Second || l.Concurrency != 4 || l.Retry != event.DefaultPolicy() || l.Rate.Events != 0 {
		t.Errorf("timeout %s, concurrency %d, retry %v, rate %v", l.Timeout, l.Concurrency, l.Retry, l.Rate)
	}
}

func TestOwnOnlyReplacesTheDefault(t *testing.T) {
	r := parse(t, "version: 1\ndefaults: {payload: {only: [a, b]}}\nlisteners: {x: {plugin: log}, y: {plugin: log, payload: {only: [c]}}}\nevents: {e: [x, y]}")
	if diff := cmp.Diff([][]string{{"a", "b"}, {"c"}}, [][]string{r.Listeners["x"].Only, r.Listeners["y"].Only}); diff != "" {
		t.Error(diff)
	}
}

func TestConfigKeepsValuesAsWritten(t *testing.T) {
	r := parse(t, `
version: 1
x-mail: &mail {from: a@example.com, tls: true}
listeners:
  a:
    plugin: log
    config:
      <<: *mail
      tls: false
      id: 123456789012345678901234567890
      price: 1.50
      when: 2026-01-02
      yes: yes
      nothing:
      550: permanent
      list: [1, "1", {k: v}]
events: {x: [a]}
`)
	want := `{"tls":false,"id":123456789012345678901234567890,"price":1.50,"when":"2026-01-02","yes":"yes","nothing":null,"550":"permanent","list":[1,"1",{"k":"v"}],"from":"a@example.com"}`
	if got := string(r.Listeners["a"].Config); got != want {
		t.Errorf("Config = %s\nwant     %s", got, want)
	}
}

func TestHashFollowsContentAndSecrets(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "events.yaml")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	load := func() string {
		t.Helper()
		r, err := registry.Load(path, registry.Options{LookupEnv: env})
		if err != nil {
			t.Fatal(err)
		}
		return r.Hash
	}
	const file = "version: 1\nlisteners: {a: {plugin: log, config: {password: {file: pw}}}}\nevents: {x: [a]}\n"
	write("pw", "first\n")
	write("events.yaml", file)
	first := load()
	if again := load(); again != first {
		t.Error("the hash of an unchanged file changed")
	}
	write("pw", "second\n")
	second := load()
	if second == first {
		t.Error("a changed secret did not change the hash")
	}
	write("events.yaml", file+"# comment\n")
	if load() == second {
		t.Error("a changed file did not change the hash")
	}
}

func TestWarnings(t *testing.T) {
	r := parse(t, `
version: 1
listeners:
  idle: {plugin: log}
  hook: {plugin: webhook, config: {secrets: [whsec_abc], headers: {Authorization: "Bearer abcdef"}}}
events: {x: [hook]}
`)
	want := []string{
		`events.yaml:4:3: listener "idle" is in no event: it is never told anything`,
		`events.yaml:5:46: listeners.hook.config.secrets[0] is written in clear; write {file: path} or {env: NAME}`,
		`events.yaml:5:83: listeners.hook.config.headers.Authorization is written in clear; write {file: path} or {env: NAME}`,
	}
	if diff := cmp.Diff(want, r.Warnings()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(`{"secrets":["<secret>"],"headers":{"Authorization":"<secret>"}}`, string(r.Listeners["hook"].Shown)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Bearer abcdef", "whsec_abc"}, r.Secrets()); diff != "" {
		t.Error(diff)
	}
}

func TestMissingFile(t *testing.T) {
	_, err := registry.Load("testdata/none.yaml", registry.Options{})
	var problems *registry.Errors
	if !errors.As(err, &problems) || !strings.Contains(err.Error(), "testdata/none.yaml: cannot be read: no such file") {
		t.Errorf("error = %v", err)
	}
}
