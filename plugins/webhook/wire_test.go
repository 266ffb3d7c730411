package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/earshot-host/earshot/sdk"
	"github.com/earshot-host/earshot/sdk/conformance"
	"github.com/earshot-host/earshot/sdk/sdktest"
)

func TestWhatTheHostGets(t *testing.T) {
	tests := []struct {
		status     int
		retryAfter string
		want       sdktest.Outcome
		after      time.Duration
	}{
		{200, "", sdktest.Delivered, 0},
		{302, "", sdktest.Unavailable, 0},
		{400, "", sdktest.Retry, 0},
		{404, "", sdktest.Unavailable, 0},
		{410, "", sdktest.Unavailable, 24 * time.Hour},
		{429, "90", sdktest.Unavailable, 90 * time.Second},
		{503, "", sdktest.Retry, 0},
		{503, "90", sdktest.Retry, 90 * time.Second},
	}
	for _, tt := range tests {
		r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", tt.retryAfter)
			w.WriteHeader(tt.status)
		})
		h := sdktest.Start(t, &Listener{}, sdktest.Config(string(asConfig(t, local(r.URL, nil)).JSON)))
		got := h.Deliver(&sdk.Event{Name: "appointment.saved", Payload: []byte(small)})
		if got.Outcome != tt.want || got.RetryAfter != tt.after {
			t.Errorf("status %d = %s, want %s after %s", tt.status, got, tt.want, tt.after)
		}
	}
}

func TestConformance(t *testing.T) {
	r := newReceiver(t, nil)
	sdktest.Conformance(t, func() sdk.Listener { return &Listener{} }, conformance.Plugin{
		Config: asConfig(t, local(r.URL, map[string]any{"secrets": []string{newSecret}})).JSON,
		Event:  "appointment.saved", Payload: payload(t, "appointment.saved.json"),
	})
	r.got(t, 0)
}
