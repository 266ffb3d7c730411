package sdktest_test

import (
	"context"
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/earshot-host/earshot/sdk"
	"github.com/earshot-host/earshot/sdk/sdktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// attempts answers with what it was given.
func attempts(_ context.Context, ev *sdk.Event) error {
	return sdk.Skip(fmt.Sprintf("%d %s %d/%d", ev.ID, ev.IdempotencyKey, ev.Attempt, ev.MaxAttempts))
}

// An event that is delivered again comes as the host would send it again.
func TestDeliverFillsIn(t *testing.T) {
	h := sdktest.Start(t, sdk.ListenerFunc(attempts))
	tests := []struct {
		ev   sdk.Event
		want string
	}{
		{sdk.Event{}, "1 ev1.test 1/5"},
		{sdk.Event{}, "1 ev1.test 2/5"},
		{sdk.Event{ID: 7}, "7 ev7.test 1/5"},
		{sdk.Event{ID: 7, IdempotencyKey: "k", Attempt: 3, MaxAttempts: 9}, "7 k 3/9"},
		{sdk.Event{ID: 7, IdempotencyKey: "k"}, "7 k 4/5"},
	}
	for i := range tests {
		if a := h.Deliver(&tests[i].ev); a.Message != tests[i].want {
			t.Errorf("delivery %d came as %q, want %q", i+1, a.Message, tests[i].want)
		}
	}
}

// The same listener can be tested as it is shipped.
func TestBinary(t *testing.T) {
	h := sdktest.Binary(t, sdktest.Build(t, "../../plugins/log"), sdktest.Config(`{"path": "events.jsonl"}`))
	if err := h.Check(); err != nil {
		t.Error(err)
	}
	if a := h.Deliver(&sdk.Event{Name: "appointment.saved", Payload: []byte(`{}`)}); a.Outcome != sdktest.Delivered {
		t.Error(a)
	}
}
