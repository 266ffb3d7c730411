package sdk_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/earshot-host/earshot/sdk"
)

type base struct {
	Name string `json:"name"`
}

type block struct {
	lower  base              //nolint:unused // a field that no key reaches
	Base   base              `json:"base"`
	Port   uint16            `json:"port"`
	Ratio  float64           `json:"ratio"`
	On     *bool             `json:"on"`
	Token  sdk.Secret        `json:"token"`
	Every  sdk.Duration      `json:"every"`
	People []base            `json:"people"`
	Labels map[string]string `json:"labels"`
	Any    any               `json:"any"`
	Plain  string
}

func TestDecode(t *testing.T) {
	got := block{Plain: "a default", Port: 1}
	const text = `{"base": {"name": "a"}, "port": 587, "ratio": 0.5, "on": true, "token": "t0p", "every": "7d", "people": [{"name": "ana"}],
		"labels": {"a": "b"}, "any": [1], "Plain": null}`
	if err := (sdk.Config{JSON: []byte(text)}).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.Base.Name != "a" || got.Port != 587 || got.Ratio != 0.5 || !*got.On || got.Token.Reveal() != "t0p" ||
		got.Every.Std() != 7*24*time.Hour || got.People[0].Name != "ana" || got.Labels["a"] != "b" || got.Any == nil || got.Plain != "a default" {
		t.Errorf("decoded %+v", got)
	}
}

func TestDecodeFaults(t *testing.T) {
	tests := []struct{ text, want string }{
		{``, ""},
		{`null`, ""},
		{`{"prot": 1}`, "prot: is unknown: did you mean port?"},
		{`{"PORT": 1}`, "PORT: is unknown: did you mean port?"},
		{`{"base": {"zzzzzzzz": 1}}`, "base.zzzzzzzz: is unknown: the keys here are name"},
		{`{"lower": {}}`, "lower: is unknown: the keys here are Plain, any, base, every, labels, on, people, port, ratio, token"},
		{`{"port": "587"}`, "port: must be a whole number that is not negative, not text"},
		{`{"port": 70000}`, "port: is a number that does not fit: need a whole number that is not negative"},
		{`{"port": 1.5}`, "port: is a number that does not fit: need a whole number that is not negative"},
		{`{"on": "yes"}`, "on: must be true or false, not text"},
		{`{"token": 5}`, "token: must be text"},
		{`{"every": 30}`, "every: must be text, not a number"},
		{`{"every": "soon"}`, `every: "soon" is not a duration like 30s, 5m or 7d`},
		{`{"people": [{"name": "a"}, {"nme": "b"}]}`, "people[1].nme: is unknown: did you mean name?"},
		{`{"people": {}}`, "people: must be a list, not a block of keys"},
		{`{"labels": {"a": 1}}`, "labels.a: must be text, not a number"},
		{`{"labels": []}`, "labels: must be a block of keys, not a list"},
		{`{"base": 1, "on": 2}`, "base: must be a block of keys, not a number\non: must be true or false, not a number"},
		{`[]`, "must be a block of keys, not a list"},
		{`{`, "decode configuration: it is not JSON"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got := ""
			if err := (sdk.Config{JSON: []byte(tt.text)}).Decode(&block{}); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeFaultsCarryTheirPath(t *testing.T) {
	err := (sdk.Config{JSON: []byte(`{"people": [1]}`)}).Decode(&block{})
	var fault *sdk.ConfigError
	if !errors.As(err, &fault) || fault.Path != "people[0]" {
		t.Errorf("Decode = %v, want a ConfigError of people[0]", err)
	}
}

func TestSecretNeverPrints(t *testing.T) {
	const text = "hunter2"
	s := sdk.NewSecret(text)
	type inside struct {
		Token  sdk.Secret
		hidden sdk.Secret
	}
	in := inside{s, s}
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "token", s, "in", in)
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "token", s, "in", in)
	data, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	printed := []string{logged.String(), string(data), fmt.Sprint(s, &s, in, &in), in.hidden.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed = append(printed, fmt.Sprintf(verb, s), fmt.Sprintf(verb, in), fmt.Sprintf(verb, &in))
	}
	for _, p := range printed {
		if strings.Contains(p, text) || strings.Contains(p, fmt.Sprintf("%x", text)) {
			t.Errorf("printed %s", p)
		}
	}
	if s.Reveal() != text || s.IsZero() || !(sdk.Secret{}).IsZero() {
		t.Error("the secret does not hold its text")
	}
}

func TestDuration(t *testing.T) {
	tests := []struct {
		text string
		want time.Duration
		ok   bool
	}{
		{"30s", 30 * time.Second, true},
		{"1h30m", 90 * time.Minute, true},
		{"7d", 168 * time.Hour, true},
		{"1w2d3h", (9*24 + 3) * time.Hour, true},
		{"0s", 0, true},
		{"", 0, false},
		{"30", 0, false},
		{"d", 0, false},
		{"2d1w", 0, false},
		{"-1s", 0, false},
		{"1d-2h", 0, false},
		{"99999w", 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			var d sdk.Duration
			err := d.UnmarshalText([]byte(tt.text))
			if (err == nil) != tt.ok || d.Std() != tt.want {
				t.Errorf("UnmarshalText = %s, %v, want %s", d, err, tt.want)
			}
		})
	}
}
