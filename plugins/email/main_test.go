package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/earshot-host/earshot/sdk"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testNow = time.Date(2026, 1, 25, 10, 0, 0, 0, time.UTC)

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func event(payload []byte) *sdk.Event {
	return &sdk.Event{
		ID: 12, Name: "appointment.saved", Payload: payload, IdempotencyKey: "12-email",
		OccurredAt: time.Date(2026, 1, 24, 12, 31, 9, 0, time.UTC), Attempt: 1, MaxAttempts: 3,
	}
}

// configured is a listener with a block of events.yaml.
func configured(t *testing.T, block string) *Listener {
	t.Helper()
	l := &Listener{}
	if err := l.Configure(t.Context(), sdk.Config{JSON: json.RawMessage(block), Dir: t.TempDir(), Timezone: "UTC"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	l.now = func() time.Time { return testNow }
	return l
}

// fileBlock writes mails to a folder, with all there is to configure about their text.
const fileBlock = `{
	"file": {"dir": "mail"},
	"from": "agenda@example.com",
	"app_url": "https://agenda.example.com/",
	"default_locale": "en"
}`

// occasionOf reads an event as the listener does.
func occasionOf(t *testing.T, payload []byte) *occasion {
	t.Helper()
	o, err := newOccasion(event(payload), testNow)
	if err != nil {
		t.Fatal(err)
	}
	return o
}
