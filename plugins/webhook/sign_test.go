package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func TestSignatureInGo(t *testing.T) {
	r := newReceiver(t, nil)
	l := configured(t, local(r.URL, map[string]any{"secrets": []string{newSecret, oldSecret}}))
	if err := l.Handle(t.Context(), event(payload(t, "appointment.saved.json"))); err != nil {
		t.Fatal(err)
	}
	got := r.got(t, 1)[0]
	tests := []struct {
		name, secret string
		change       func(http.Header, []byte) []byte
		good         bool
	}{
		{"the new secret", newSecret, nil, true},
		{"the old secret", oldSecret, nil, true},
		{"another secret", "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("x"), 32)), nil, false},
		{"another body", newSecret, func(_ http.Header, b []byte) []byte { return append(b, ' ') }, false},
		{"another id", newSecret, func(h http.Header, b []byte) []byte { h.Set("webhook-id", "ev13_webhook"); return b }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			verifier, err := standardwebhooks.NewWebhook(tt.secret)
			if err != nil {
				t.Fatal(err)
			}
			header, body := got.header.Clone(), bytes.Clone(got.body)
			if tt.change != nil {
				body = tt.change(header, body)
			}
			if err := verifier.Verify(body, header); (err == nil) != tt.good {
				t.Errorf("Verify = %v, want good %t", err, tt.good)
			}
		})
	}
}

// The id stays, the time moves: a receiver knows a repeat, and refuses a replay.
func TestIDIsStableAndTimestampIsOfTheAttempt(t *testing.T) {
	r := newReceiver(t, nil)
	l := configured(t, local(r.URL, map[string]any{"secrets": []string{newSecret}}))
	for _, at := range []int64{1_800_000_000, 1_800_000_060} {
		l.now = func() time.Time { return time.Unix(at, 0) }
		if err := l.Handle(t.Context(), event([]byte(`{}`))); err != nil {
			t.Fatal(err)
		}
	}
	got := r.got(t, 2)
	for i, at := range []string{"1800000000", "1800000060"} {
		h := got[i].header
		if h.Get("webhook-id") != "ev12_webhook" || h.Get("webhook-timestamp") != at {
			t.Errorf("attempt %d has id %q and timestamp %q", i+1, h.Get("webhook-id"), h.Get("webhook-timestamp"))
		}
	}
	if !bytes.Equal(got[0].body, got[1].body) {
		t.Error("the body changed between attempts")
	}
}

// The same bytes, read by other people's JavaScript.
func TestReadersInJavaScript(t *testing.T) {
	formats := map[string]map[string]any{
		"standard":               {"format": "standard"},
		"cloudevents structured": {"format": "cloudevents"},
		"cloudevents binary":     {"format": "cloudevents", "cloudevents": map[string]any{"mode": "binary", "source": "https://agenda.example.com"}},
	}
	for name, block := range formats {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t, nil)
			block["secrets"] = []string{newSecret, oldSecret}
			l := configured(t, local(r.URL, block))
			if err := l.Handle(t.Context(), event(payload(t, "appointment.saved.json"))); err != nil {
				t.Fatal(err)
			}
			got := r.got(t, 1)[0]
			headers := map[string]string{}
			for key := range got.header {
				headers[strings.ToLower(key)] = got.header.Get(key)
			}
			said := node(t, map[string]any{"headers": headers, "body": string(got.body), "secrets": []string{newSecret, oldSecret}})
			var read struct {
				Verified int
				Event    *struct {
					ID, Source, Type, Time string
					Data                   struct {
						Customer struct {
							FirstName string `json:"first_name"`
						}
					}
				}
			}
			if err := json.Unmarshal(said, &read); err != nil {
				t.Fatalf("%v in %s", err, said)
			}
			if read.Verified != 2 {
				t.Errorf("%d of 2 secrets verified", read.Verified)
			}
			if name == "standard" {
				return
			}
			ev := read.Event
			if ev == nil {
				t.Fatal("no CloudEvent was read")
			}
			if ev.ID != "ev12_webhook" || ev.Type != "appointment.saved" || ev.Data.Customer.FirstName != "João Otávio" {
				t.Errorf("CloudEvent = %+v", *ev)
			}
			if at, err := time.Parse(time.RFC3339, ev.Time); err != nil || !at.Equal(event(nil).OccurredAt) {
				t.Errorf("time = %q", ev.Time)
			}
			if want := map[bool]string{true: "https://agenda.example.com", false: "urn:earshot:webhook"}[strings.HasSuffix(name, "binary")]; ev.Source != want {
				t.Errorf("source = %q, want %q", ev.Source, want)
			}
		})
	}
}

// node runs testdata/verify.cjs on a request and returns what it says.
func node(t *testing.T, request any) []byte {
	t.Helper()
	modules := os.Getenv("EARSHOT_TEST_NODE_MODULES")
	if modules == "" {
		modules = filepath.Join("..", "..", ".tools", "node", "node_modules")
	}
	modules, err := filepath.Abs(modules)
	if err != nil {
		t.Fatal(err)
	}
	for _, module := range []string{"standardwebhooks", "cloudevents"} {
		if _, err := os.Stat(filepath.Join(modules, module)); err != nil {
			t.Fatalf("the npm package %s is not in %s: run make test, which installs it, or set EARSHOT_TEST_NODE_MODULES", module, modules)
		}
	}
	input, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join("testdata", "verify.cjs"))
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
	cmd.Stdin = bytes.NewReader(input)
	var said, wrong bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &wrong
	if err := cmd.Run(); err != nil {
		t.Fatalf("node (install Node.js 20 or newer if it is missing): %v\n%s", err, wrong.String())
	}
	return said.Bytes()
}

func TestSigningKey(t *testing.T) {
	key := func(n int) string { return "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, n)) }
	tests := []struct {
		name, secret string
		good         bool
	}{
		{"24 bytes", key(24), true}, {"64 bytes", key(64), true}, {"a line end", key(32) + "\n", true},
		{"23 bytes", key(23), false}, {"65 bytes", key(65), false},
		{"no prefix", strings.TrimPrefix(key(32), "whsec_"), false},
		{"no base64", "whsec_correct horse battery staple", false}, {"empty", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := signingKey(tt.secret)
			if (err == nil) != tt.good {
				t.Errorf("signingKey = %v, want good %t", err, tt.good)
			}
			if err != nil && tt.secret != "" && strings.Contains(err.Error(), strings.TrimPrefix(tt.secret, "whsec_")) {
				t.Errorf("the error tells the secret: %v", err)
			}
		})
	}
}
