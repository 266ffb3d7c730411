package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/earshot-host/earshot/host/internal/testdb"
)

// The demo works on a bare machine, works again, and the commands that it
// recommends do what they promise.
func TestDemo(t *testing.T) {
	h := &host{t: t, dir: t.TempDir()}
	var out string
	for run := 1; run <= 2; run++ {
		out = h.mustRun("demo")
		for _, want := range []string{"appointment.saved", "appointment.deleted", "joao.davila@correio.example", "Seu horário está marcado", "log"} {
			if !strings.Contains(out, want) {
				t.Errorf("run %d: the demo's output lacks %q:\n%s", run, want, out)
			}
		}
		if n := strings.Count(out, "delivered"); n != 6 {
			t.Errorf("run %d: %d deliveries, want 6:\n%s", run, n, out)
		}
		mails, err := filepath.Glob(h.path("var/demo/mail/*.eml"))
		// Two of three events tell customer and provider; one provider wants no mails.
		if err != nil || len(mails) != 5*run {
			t.Errorf("run %d: %d mails in the folder (%v), want %d", run, len(mails), err, 5*run)
		}
	}
	_, next, found := strings.Cut(out, "Try next:")
	if !found {
		t.Fatalf("the demo recommends nothing:\n%s", out)
	}
	tried := 0
	for line := range strings.Lines(next) {
		if args := strings.Fields(line); strings.HasPrefix(line, "  ") && len(args) > 1 {
			h.mustRun(args[1:]...)
			tried++
		}
	}
	if tried != 5 {
		t.Errorf("%d commands were tried, want 5:\n%s", tried, next)
	}
	// What was edited stays.
	file := h.path("var/demo/events.yaml")
	if err := os.WriteFile(file, []byte("version: 1\nlisteners: {}\nevents: {\"*\": []}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := h.mustRun("demo"); strings.Contains(out, "delivered") {
		t.Errorf("the demo wrote over events.yaml:\n%s", out)
	}
}

// The demo never touches the queue that the environment names.
func TestDemoLeavesTheEnvironmentsQueueAlone(t *testing.T) {
	h := newHost(t, testdb.SQLite(t))
	cmd := h.command("demo")
	cmd.Env = append(cmd.Env, "EARSHOT_DATABASE_DSN="+h.path("real.db"), "EARSHOT_DATABASE_DRIVER=sqlite")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("demo: %v\n%s", err, out)
	}
	if exists(h.path("real.db")) {
		t.Error("the demo opened the database of the environment")
	}
}
