package main

import (
	"testing"

	"github.com/earshot-host/earshot/sdk"
	"github.com/earshot-host/earshot/sdk/conformance"
	"github.com/earshot-host/earshot/sdk/sdktest"
)

func TestConformance(t *testing.T) {
	sdktest.Conformance(t, func() sdk.Listener { return &Listener{} }, conformance.Plugin{
		Config: []byte(`{"path":"events.jsonl","payload":true}`), Event: "appointment.saved", Payload: []byte(`{"customer":{}}`),
	})
}
