package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/earshot-host/earshot/sdk/conformance"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
	"github.com/earshot-host/earshot/sdk/sdktest"
)

// deliver configures a process to run a script in dir, and begins a delivery.
func deliver(t *testing.T, p *conformance.Process, dir, script string) {
	t.Helper()
	config, err := json.Marshal(map[string]any{"command": []string{"sh", "-c", script}, "dir": dir})
	if err != nil {
		t.Fatal(err)
	}
	res, err := p.Client.Configure(t.Context(), &listenerv1.ConfigureRequest{Listener: "exec", Config: config})
	if err != nil || len(res.GetDiagnostics()) > 0 {
		t.Fatal(err, res.GetDiagnostics())
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = p.Client.Handle(t.Context(), &listenerv1.HandleRequest{Delivery: &listenerv1.Delivery{EventName: "appointment.saved"}})
	}()
	t.Cleanup(func() { <-done })
}

func TestProgramGetsNothingOfTheProtocol(t *testing.T) {
	dir := t.TempDir()
	h := sdktest.Binary(t, sdktest.Build(t, "."), sdktest.Dir(dir), shell(t, `env >env`))
	if a := h.Deliver(saved()); a.Outcome != sdktest.Delivered {
		t.Fatal(a)
	}
	for line := range strings.Lines(read(t, dir, "env")) {
		if strings.HasPrefix(line, "EARSHOT_") || strings.HasPrefix(line, "PLUGIN_") {
			t.Errorf("the program sees %s", line)
		}
	}
}

func TestConformance(t *testing.T) {
	examples, err := filepath.Abs("../../examples/exec")
	if err != nil {
		t.Fatal(err)
	}
	binary := sdktest.Build(t, ".")
	for _, command := range []string{`["php", "sms.php"]`, `["./ring.sh", "bell"]`} {
		t.Run(command, func(t *testing.T) {
			needPHP(t)
			sdktest.BinaryConformance(t, binary, conformance.Plugin{
				Config: []byte(`{"dry_run": true, "dir": "` + examples + `", "command": ` + command + `}`),
				Event:  "appointment.saved", Payload: []byte(payload),
			})
		})
	}
}
