package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/earshot-host/earshot/sdk"
	"github.com/earshot-host/earshot/sdk/conformance"
	"github.com/earshot-host/earshot/sdk/sdktest"
)

// onTheWire is the listener as the host sees it.
func onTheWire(t *testing.T, block map[string]any) *sdktest.Host {
	t.Helper()
	return sdktest.Start(t, &Listener{}, sdktest.Config(string(asConfig(t, block).JSON)), sdktest.Timezone("America/Sao_Paulo"))
}

func TestWhatTheHostGets(t *testing.T) {
	tests := []struct {
		name  string
		codes []int // what the first messages are answered with
		want  sdktest.Outcome
		after time.Duration
	}{
		{"delivered", nil, sdktest.Delivered, 0},
		{"back off", []int{131000}, sdktest.Retry, 0},
		{"hours later", []int{131049}, sdktest.Retry, 6 * time.Hour},
		{"template fault", []int{132001}, sdktest.Retry, 6 * time.Hour},
		{"slow down", []int{130429}, sdktest.Unavailable, time.Minute},
		{"token expired", []int{190}, sdktest.Unavailable, 0},
		{"no whatsapp", []int{131026}, sdktest.Rejected, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFakeMeta(t)
			for _, code := range tt.codes {
				f.script(customer, coded(400, code))
			}
			h := onTheWire(t, block(f.URL, nil))
			ev := event(t, "saved")
			got := h.Deliver(&sdk.Event{Name: ev.Name, Payload: ev.Payload})
			if got.Outcome != tt.want || got.RetryAfter != tt.after {
				t.Errorf("answer = %s, want %s after %s", got, tt.want, tt.after)
			}
			if tt.want == sdktest.Delivered && (got.ExternalID != "wamid.1" || len(got.Receipts) != 1 || got.Receipts[0].ExternalID != "wamid.1") {
				t.Errorf("answer = %s, want the id of the message in it", got)
			}
		})
	}
}

func TestConformance(t *testing.T) {
	f := newFakeMeta(t)
	config, err := json.Marshal(block(f.URL, nil))
	if err != nil {
		t.Fatal(err)
	}
	sdktest.Conformance(t, func() sdk.Listener { return &Listener{} }, conformance.Plugin{
		Config: config, Event: "appointment.saved", Payload: event(t, "saved").Payload,
	})
}
