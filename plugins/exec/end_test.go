package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/earshot-host/earshot/sdk/conformance"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
	"github.com/earshot-host/earshot/sdk/sdktest"
)

// awaitFile returns what a program has written to name, a line at least.
func awaitFile(t *testing.T, dir, name string) string {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err == nil && strings.HasSuffix(string(data), "\n") {
			return strings.TrimSpace(string(data))
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("nothing wrote %s", name)
		}
	}
}

// awaitDead returns once the process that wrote its pid to name is gone.
func awaitDead(t *testing.T, dir, name string) {
	t.Helper()
	pid, err := strconv.Atoi(awaitFile(t, dir, name))
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for alive(pid) {
		select {
		case <-tick.C:
		case <-deadline:
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Fatalf("the process of %s still runs", name)
		}
	}
}

// alive is false for a zombie, which waits for whoever started it.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return syscall.Kill(pid, 0) == nil && !os.IsNotExist(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func TestTimeUpEndsTheGroup(t *testing.T) {
	tests := []struct {
		name, script string
		want         string
	}{
		{"one that heeds SIGTERM", `sleep 600 & echo $! >child; echo $$ >self; wait`, "sh was stopped: its time was up"},
		{"one that does not", `trap '' TERM; sleep 600 & echo $! >child; echo $$ >self; while :; do wait; done`, "sh was stopped: its time was up"},
		{"one that says so itself", `trap 'echo "{\"message\": \"half done\"}"; exit 75' TERM; sleep 600 & echo $! >child; echo $$ >self; wait`, "half done"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			h := sdktest.Start(t, &Listener{}, sdktest.Dir(dir), shell(t, tt.script))
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			a, err := h.DeliverContext(ctx, saved())
			if err != nil || a.Outcome != sdktest.Retry || a.Message != tt.want {
				t.Errorf("answer %s, %v; want a retry: %s", a, err, tt.want)
			}
			awaitDead(t, dir, "child")
			awaitDead(t, dir, "self")
		})
	}
}

func TestGivenUpDelivery(t *testing.T) {
	dir := t.TempDir()
	h := sdktest.Start(t, &Listener{}, sdktest.Dir(dir), shell(t, `trap '' TERM; echo $$ >self; while :; do sleep 600; done`))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = h.DeliverContext(ctx, saved())
	}()
	awaitFile(t, dir, "self")
	cancel()
	<-done
	awaitDead(t, dir, "self")
}

func TestNothingIsLeftBehind(t *testing.T) {
	dir := t.TempDir()
	h := sdktest.Start(t, &Listener{}, sdktest.Dir(dir), shell(t, `sleep 600 & echo $! >child`))
	if a := h.Deliver(saved()); a.Outcome != sdktest.Delivered {
		t.Error(a)
	}
	awaitDead(t, dir, "child")
}

func TestPayloadThatNobodyReads(t *testing.T) {
	h := sdktest.Start(t, &Listener{}, shell(t, `exit 0`))
	ev := saved()
	ev.Payload = []byte(`"` + strings.Repeat("x", 5<<20) + `"`)
	if a := h.Deliver(ev); a.Outcome != sdktest.Delivered {
		t.Error(a)
	}
}

// Where the plugin is killed, nothing can end the program but the kernel.
func TestProgramDiesWithThePlugin(t *testing.T) {
	dir := t.TempDir()
	p, err := conformance.StartProcess(t.Context(), sdktest.Build(t, "."), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	deliver(t, p, dir, `echo $$ >self; exec sleep 600`)
	awaitFile(t, dir, "self")
	if err := p.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	awaitDead(t, dir, "self")
}

// What was printed before the plugin itself was killed has reached the host.
func TestReceiptsCountAtOnce(t *testing.T) {
	dir := t.TempDir()
	h := sdktest.Start(t, &Listener{}, sdktest.Dir(dir), shell(t, `echo '{"receipts": [{"key": "customer:7"}]}'; echo >told; exec sleep 600`))
	stream, err := h.Client.Receipts(t.Context(), &listenerv1.ReceiptsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Header(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = h.DeliverContext(ctx, saved())
	}()
	got, err := stream.Recv()
	if err != nil || got.GetReceipt().GetKey() != "customer:7" {
		t.Errorf("while it runs: %v, %v", got, err)
	}
	cancel()
	<-done
}
