package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/earshot-host/earshot/sdk"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// block is the configuration of a test, with more keys over the usual ones.
func block(url string, more map[string]any) map[string]any {
	b := map[string]any{
		"provider": "cloud", "base_url": url, "token": "t0ken", "phone_number_id": "1065",
		"business_account_id": "2077", "default_region": "BR", "default_locale": "pt-BR",
		"consent": map[string]any{"mode": "assume"}, "per_recipient": "0s",
		"templates": map[string]any{"customer": map[string]any{
			"booked": map[string]any{"name": "agendamento_confirmado"}, "cancelled": map[string]any{"name": "agendamento_cancelado"},
		}},
	}
	maps.Copy(b, more)
	return b
}

func asConfig(t *testing.T, block map[string]any) sdk.Config {
	t.Helper()
	data, err := json.Marshal(block)
	if err != nil {
		t.Fatal(err)
	}
	return sdk.Config{Listener: "whatsapp", JSON: data, Timezone: "America/Sao_Paulo"}
}

func configured(t *testing.T, block map[string]any) *Listener {
	t.Helper()
	l := &Listener{}
	if err := l.Configure(t.Context(), asConfig(t, block)); err != nil {
		t.Fatal(err)
	}
	return l
}

// event is one of testdata, changed by pairs of old and new text.
func event(t *testing.T, name string, replace ...string) *sdk.Event {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "appointment."+name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(string(data), replace[i]) {
			t.Fatalf("%s does not hold %q", name, replace[i])
		}
	}
	return &sdk.Event{
		ID: 12, Name: "appointment." + name, IdempotencyKey: "ev12.whatsapp", Attempt: 1, MaxAttempts: 3,
		Payload: []byte(strings.NewReplacer(replace...).Replace(string(data))),
	}
}

// customer is the customer's number in all of testdata, as WhatsApp has it.
const customer = "5519955500142"

// verdictOf is the kind of answer that the host would see.
func verdictOf(err error) string {
	switch {
	case err == nil:
		return "delivered"
	case sdk.IsPermanent(err):
		return "permanent"
	}
	// The other kinds cannot be told apart from outside of the SDK.
	switch name := fmt.Sprintf("%T", err); name {
	case "*sdk.unavailableError":
		return "unavailable"
	case "*sdk.skipError":
		return "skip"
	}
	return "retry"
}
