package strictyaml_test

import (
	"slices"
	"testing"
	"time"

	"github.com/earshot-host/earshot/host/internal/strictyaml"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"250ms": 250 * time.Millisecond, "30s": 30 * time.Second, "1.5h": 90 * time.Minute, "1h30m": 90 * time.Minute,
		"7d": 168 * time.Hour, "1d12h": 36 * time.Hour, "0s": 0,
	} {
		if got, err := strictyaml.ParseDuration(text); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0", "30", "-3s", "+3s", "1h2d", "1d1d", "d", "s", "1 h", ".5s", "1us", "5 minutes", "999999999h", "99999d999999999h"} {
		if got, err := strictyaml.ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q) = %s, want an error", text, got)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"1h": time.Hour, "1m": time.Minute, "1m30s": 90 * time.Second, "1h30m": 90 * time.Minute, "7d": 168 * time.Hour,
		"10s": 10 * time.Second, "100ms": 100 * time.Millisecond, "0s": 0, "20m": 20 * time.Minute, "1h0m10s": time.Hour + 10*time.Second,
	} {
		if got := strictyaml.FormatDuration(d); got != want {
			t.Errorf("FormatDuration(%d) = %s, want %s", d, got, want)
		}
	}
}

func TestSuggest(t *testing.T) {
	words := []string{"password", "passphrase", "max_attempts", "timeout", "first"}
	for word, want := range map[string]string{
		"pasword": `did you mean "password"?`, "pasw": "", "attempts": `did you mean "max_attempts"?`, "tiemout": `did you mean "timeout"?`,
		"frist": `did you mean "first"?`, "zzz": "", "": "", "fast": "",
	} {
		if got := strictyaml.Suggest(word, slices.Values(words)); got != want {
			t.Errorf("Suggest(%q) = %q, want %q", word, got, want)
		}
	}
	slices.Reverse(words)
	if got := strictyaml.Suggest("pass", slices.Values([]string{"passb", "passa"})); got != `did you mean "passa"?` {
		t.Errorf("the order decides: %s", got)
	}
}

func TestLooksSecret(t *testing.T) {
	for key, want := range map[string]bool{
		"password": true, "smtp_Password": true, "token": true, "api_key": true, "secrets": true, "Authorization": true, "private-key": true,
		"password_file": false, "key": false, "host": false, "from": false,
	} {
		if got := strictyaml.LooksSecret(key); got != want {
			t.Errorf("LooksSecret(%q) = %v, want %v", key, got, want)
		}
	}
}
