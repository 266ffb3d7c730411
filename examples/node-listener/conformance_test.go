// Package node holds the tests of the listener in JavaScript.
package node

import (
	"os"
	"os/exec"
	"testing"

	"go.uber.org/goleak"

	"github.com/earshot-host/earshot/sdk"
	"github.com/earshot-host/earshot/sdk/conformance"
	"github.com/earshot-host/earshot/sdk/sdktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// install fetches the packages that package-lock.json pins, once.
func install(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("node_modules"); err == nil {
		return
	}
	if out, err := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund").CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v; install Node.js 20 or later with npm\n%s", err, out)
	}
}

func TestConformance(t *testing.T) {
	install(t)
	sdktest.BinaryConformance(t, "./listener.js", conformance.Plugin{
		Config: []byte(`{"greeting": "bom dia"}`), Event: "appointment.saved", Payload: []byte(`{"customer": {"id": 7}}`),
	})
}

func TestGreets(t *testing.T) {
	install(t)
	h := sdktest.Binary(t, "./listener.js", sdktest.Config(`{"greeting": "bom dia"}`))
	ev := &sdk.Event{Name: "appointment.saved", Payload: []byte(`{"customer": {"id": 7}}`)}
	for _, receipts := range []int{1, 0} {
		if a := h.Deliver(ev); a.Outcome != sdktest.Delivered || len(a.Receipts) != receipts {
			t.Errorf("answer %s, want %d receipts", a, receipts)
		}
	}
	if lines := h.Logs(); len(lines) != 1 || lines[0].Message != "bom dia" || lines[0].Level != "info" {
		t.Errorf("logged %v, want one greeting", lines)
	}
}
