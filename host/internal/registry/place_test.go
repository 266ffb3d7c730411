package registry_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/earshot-host/earshot/host/internal/registry"
)

const withConfigs = `version: 1
listeners:
  hook:
    plugin: webhook
    config:
      url: https://hooks.example.com
      headers: {X-A.b: one, tokn: hunter2-and-more}
      redact: [a, 7]
  bare: {plugin: log}
events:
  x: [hook, bare]
`

func TestAt(t *testing.T) {
	r, err := registry.Parse("events.yaml", []byte(withConfigs), registry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.At(nil); err != nil {
		t.Errorf("no faults: %v", err)
	}
	tests := []struct {
		fault registry.ConfigFault
		want  string
	}{
		{registry.ConfigFault{Listener: "hook", Path: []string{"redact", "1"}, Message: "must be text"}, "8:19: listeners.hook.config.redact[1]: must be text"},
		{registry.ConfigFault{Listener: "hook", Path: []string{"headers", "tokn"}, Key: true, Message: "is unknown", Hint: "did you mean x?"},
			"7:29: listeners.hook.config.headers.tokn: is unknown; did you mean x?"},
		{registry.ConfigFault{Listener: "hook", Key: true, Message: "lacks url"}, "5:5: listeners.hook.config: lacks url"},
		{registry.ConfigFault{Listener: "hook", Path: []string{"headers"}, Key: true, Message: "lacks a"}, "7:7: listeners.hook.config.headers: lacks a"},
		{registry.ConfigFault{Listener: "hook", Path: []string{"tls", "ca_file"}, Message: "is missing"}, "5:5: listeners.hook.config.tls.ca_file: is missing"},
		{registry.ConfigFault{Listener: "bare", Path: []string{"path"}, Message: "is missing"}, "9:3: listeners.bare.config.path: is missing"},
		{registry.ConfigFault{Listener: "bare", Message: "is bad"}, "9:3: listeners.bare.config: is bad"},
	}
	for _, tt := range tests {
		err := r.At([]registry.ConfigFault{tt.fault})
		var all *registry.Errors
		if !errors.As(err, &all) || len(all.Problems) != 1 {
			t.Errorf("%+v: %v, want one mistake", tt.fault, err)
			continue
		}
		p := all.Problems[0]
		if strings.Contains(p.Excerpt, "hunter2") && tt.fault.Key {
			t.Errorf("an unknown key shows its value:\n%s", p.Excerpt)
		}
		p.Excerpt = ""
		if got := p.String(); got != "events.yaml:"+tt.want {
			t.Errorf("%s, want events.yaml:%s", got, tt.want)
		}
	}
}

func TestConfigPath(t *testing.T) {
	r, err := registry.Parse("events.yaml", []byte(withConfigs), registry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for dotted, want := range map[string][]string{
		"":                nil,
		"url":             {"url"},
		"redact[1]":       {"redact", "1"},
		"headers.X-A.b":   {"headers", "X-A.b"},
		"headers.other.b": {"headers", "other", "b"},
		"secrets[0].a":    {"secrets", "0", "a"},
		"url[":            {"url", ""},
		".":               {"."},
	} {
		if diff := cmp.Diff(want, r.ConfigPath("hook", dotted)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", dotted, diff)
		}
	}
	if got := r.ConfigPath("bare", "a.b"); len(got) != 2 {
		t.Errorf("without a config: %q", got)
	}
}

func TestNoDeadline(t *testing.T) {
	r, err := registry.Parse("events.yaml", []byte(withConfigs), registry.Options{NoDeadline: "hook"})
	if err != nil {
		t.Fatal(err)
	}
	if hook, bare := r.Listeners["hook"].Timeout, r.Listeners["bare"].Timeout; hook < 24*time.Hour || bare > time.Minute {
		t.Errorf("timeouts %s and %s, want one that nobody waits for, and the default", hook, bare)
	}
}
