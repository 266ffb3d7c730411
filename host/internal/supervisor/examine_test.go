package supervisor

import (
	"strings"
	"testing"
)

func TestExamine(t *testing.T) {
	spec := playing("email", "puppet")
	spec.Config, spec.Secrets = []byte(`{"refuse": "smtp.port"}`), []string{"tajna-lozinka"}
	about, said, err := Examine(t.Context(), quick(t), spec)
	if err != nil {
		t.Fatal(err)
	}
	if about.GetName() != "puppet" || len(said) != 1 || said[0].GetPath() != "smtp.port" || said[0].GetSummary() != "is not a port: [redacted]" {
		t.Errorf("%v says %v, want a fault of smtp.port without the secret", about, said)
	}
	spec.Config = []byte(`{"v": 1}`)
	if _, said, err = Examine(t.Context(), quick(t), spec); err != nil || len(said) > 0 {
		t.Errorf("a good config: %v, %v", said, err)
	}
	// A small plugin in another language has nothing to say.
	if about, said, err := Examine(t.Context(), quick(t), playing("bare", "bare")); err != nil || about != nil || said != nil {
		t.Errorf("a bare plugin: %v, %v, %v", about, said, err)
	}
	spec.Path = "/nowhere/plugin"
	if _, _, err := Examine(t.Context(), quick(t), spec); err == nil || !strings.Contains(err.Error(), "/nowhere/plugin") {
		t.Errorf("a plugin that is not there: %v", err)
	}
}
