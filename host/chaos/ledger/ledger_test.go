package ledger

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/earshot-host/earshot/host/chaos/check"
	"github.com/earshot-host/earshot/sdk"
	"github.com/earshot-host/earshot/sdk/sdktest"
)

func TestWritesDownCalls(t *testing.T) {
	tests := []struct {
		name, config string
		listener     sdk.Listener
		outcome      check.Outcome
		told         bool
	}{
		{"well", `, "skip": 0`, &Listener{}, check.Delivered, false},
		{"several at once", ``, &Batch{}, check.Delivered, false},
		{"retry", `, "retry": 1`, &Listener{}, check.Retried, false},
		{"reject", `, "reject": 1`, &Listener{}, check.Rejected, false},
		{"skip", `, "skip": 1`, &Listener{}, check.Skipped, false},
		{"partial", `, "partial": 1`, &Listener{}, check.Retried, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			h := sdktest.Start(t, tt.listener, sdktest.Config(fmt.Sprintf(`{"dir": %q, "seed": 1%s}`, dir, tt.config)))
			h.Deliver(&sdk.Event{ID: 3, Name: "order.paid", Payload: []byte(`{"appointment": {"id": "k1"}}`)})
			calls, err := Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			want := []check.Call{{Event: 3, Listener: "test", Attempt: 1, PID: os.Getpid(), Host: os.Getppid(), Outcome: tt.outcome}}
			// How many are told is a matter of luck.
			if diff := cmp.Diff(want, calls, cmpopts.IgnoreFields(check.Call{}, "Began", "Ended", "Told", "Process")); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if calls[0].Ended < calls[0].Began || tt.told != (calls[0].Told != nil) {
				t.Errorf("call = %+v, want one that ends after it began, and tells people only if asked", calls[0])
			}
		})
	}
}

// A process that dies in the middle of a line had not gone on.
func TestReadLeavesOutHalfALine(t *testing.T) {
	dir := t.TempDir()
	text := `{"call":1,"at":5,"pid":7,"event":3,"listener":"a","attempt":1}` + "\n" + `{"call":1,"at":9,"outc`
	if err := os.WriteFile(filepath.Join(dir, "a-7.jsonl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	calls, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []check.Call{{Event: 3, Listener: "a", Attempt: 1, PID: 7, Began: 5}}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestCalmListenersDeliver(t *testing.T) {
	dir := t.TempDir()
	h := sdktest.Start(t, &Listener{}, sdktest.Config(fmt.Sprintf(`{"dir": %q, "reject": 1}`, dir)))
	ev := &sdk.Event{Name: "order.paid", Payload: []byte(`{}`)}
	if a := h.Deliver(ev); a.Outcome != sdktest.Rejected {
		t.Errorf("the answer is %s before the calm, want rejected", a.Outcome)
	}
	if err := Calm(dir); err != nil {
		t.Fatal(err)
	}
	if a := h.Deliver(ev); a.Outcome != sdktest.Delivered {
		t.Errorf("the answer is %s after it, want delivered", a.Outcome)
	}
}
