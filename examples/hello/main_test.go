package main

import (
	"os"
	"strings"
	"testing"

	"github.com/earshot-host/earshot/sdk"
	"github.com/earshot-host/earshot/sdk/conformance"
	"github.com/earshot-host/earshot/sdk/sdktest"
)

func TestHello(t *testing.T) {
	h := sdktest.Binary(t, sdktest.Build(t, "."))
	if a := h.Deliver(&sdk.Event{Name: "appointment.saved", Payload: []byte(`{}`)}); a.Outcome != sdktest.Delivered {
		t.Error(a)
	}
	if lines := h.Logs(); len(lines) != 1 || lines[0].Message != "hello" {
		t.Errorf("logged %v, want one hello", lines)
	}
}

func TestConformance(t *testing.T) {
	sdktest.BinaryConformance(t, sdktest.Build(t, "."), conformance.Plugin{})
}

// Who writes a listener must not have to download what the host needs.
func TestSmall(t *testing.T) {
	sum, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	for _, module := range []string{"gorm", "sqlite", "go-sql-driver", "cobra"} {
		if strings.Contains(string(sum), module) {
			t.Errorf("go.sum holds %s", module)
		}
	}
	main, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(main), "\n"); n > 20 {
		t.Errorf("the smallest listener has %d lines, want at most 20", n)
	}
}
