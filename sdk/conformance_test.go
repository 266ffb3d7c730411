package sdk_test

import (
	"testing"

	"github.com/earshot-host/earshot/sdk"
	"github.com/earshot-host/earshot/sdk/conformance"
	"github.com/earshot-host/earshot/sdk/sdktest"
)

func puppetPlugin() conformance.Plugin {
	return conformance.Plugin{Event: "people", Payload: []byte(`{}`), Slow: "slow-error", Panic: "panic"}
}

func TestConformance(t *testing.T) {
	sdktest.Conformance(t, func() sdk.Listener { return newPuppet() }, puppetPlugin())
}

func TestConformanceAsProcess(t *testing.T) {
	sdktest.BinaryConformance(t, executable(t), puppetPlugin())
}
