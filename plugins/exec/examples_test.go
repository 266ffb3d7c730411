package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/earshot-host/earshot/sdk"
	"github.com/earshot-host/earshot/sdk/sdktest"
)

const payload = `{
	"appointment": {"id": 3, "start_datetime": "2026-01-27 14:15:00"},
	"customer": {"id": 7, "phone_number": "+55 11 90000-0007"},
	"provider": {"id": 2, "mobile_number": "+55 11 90000-0002"}
}`

func needPHP(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("php"); err != nil {
		t.Fatal("the examples in PHP need php 8: install Debian's php-cli")
	}
}

func example(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../../examples/exec", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// gateway is a real HTTP server that answers as told, once each.
type gateway struct {
	mu      sync.Mutex
	answers []int
	got     []string
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.got = append(g.got, strings.Join([]string{r.Header.Get("Authorization"), r.Header.Get("Idempotency-Key"), string(body)}, " "))
	w.WriteHeader(g.answers[0])
	g.answers = g.answers[1:]
	io.WriteString(w, `{"id": "m1"}`)
}

func TestPHPExample(t *testing.T) {
	needPHP(t)
	g := &gateway{answers: []int{200, 503, 401, 200}}
	server := httptest.NewServer(g)
	defer server.Close()
	t.Setenv("SMS_URL", server.URL)
	t.Setenv("SMS_TOKEN", "t0ken")
	h := sdktest.Start(t, &Listener{}, block(t, map[string]any{"command": []string{"php", example(t, "sms.php")}}))

	ev := &sdk.Event{ID: 12, Name: "appointment.saved", Payload: []byte(payload)}
	want := []sdktest.Answer{
		{Outcome: sdktest.Retry, Message: `php ended with exit code 75; it said "the gateway answered 503"`, Receipts: []sdk.Receipt{{Key: "customer:7", ExternalID: "m1"}}},
		{Outcome: sdktest.Unavailable, Message: `php ended with exit code 69; it said "the gateway refuses SMS_TOKEN"`},
		{Outcome: sdktest.Delivered, Receipts: []sdk.Receipt{{Key: "provider:2", ExternalID: "m1"}}},
		{Outcome: sdktest.Delivered},
	}
	for i, w := range want {
		if diff := cmp.Diff(w, h.Deliver(ev)); diff != "" {
			t.Errorf("attempt %d (-want +got):\n%s", i+1, diff)
		}
	}
	const first = `Bearer t0ken ev12.test.customer:7 {"to":"+55 11 90000-0007","text":"Your appointment: 2026-01-27 14:15:00"}`
	if len(g.got) != 4 || g.got[0] != first {
		t.Errorf("the gateway got %d messages, want 4, the first %s:\n%s", len(g.got), first, strings.Join(g.got, "\n"))
	}

	for text, w := range map[string]sdktest.Answer{
		`{"appointment": {"start_datetime": "x"}}`: {Outcome: sdktest.Skipped, Message: `php ended with exit code 99; it said "nobody has a phone number"`},
		`{}`: {Outcome: sdktest.Rejected, Message: `php ended with exit code 65; it said "the payload has no appointment"`},
	} {
		if diff := cmp.Diff(w, h.Deliver(&sdk.Event{ID: 13, Name: "appointment.saved", Payload: []byte(text)})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestShellExample(t *testing.T) {
	dir := t.TempDir()
	start := func(bell string) *sdktest.Host {
		return sdktest.Start(t, &Listener{}, sdktest.Dir(dir), block(t, map[string]any{"command": []string{example(t, "ring.sh"), bell}}))
	}
	h := start("bell")
	for range 2 {
		if a := h.Deliver(&sdk.Event{Name: "appointment.saved", Payload: []byte(payload)}); a.Outcome != sdktest.Delivered {
			t.Error(a)
		}
	}
	if a := h.Deliver(&sdk.Event{Name: "appointment.updated", Payload: []byte(payload)}); a.Outcome != sdktest.Skipped {
		t.Errorf("answer %s, want skipped", a)
	}
	if a := start("nowhere/bell").Deliver(&sdk.Event{Name: "appointment.saved"}); a.Outcome != sdktest.Unavailable {
		t.Errorf("answer %s, want unavailable", a)
	}
	got, err := os.ReadFile(filepath.Join(dir, "bell"))
	if err != nil || string(got) != "appointment.saved ev1.test\n" {
		t.Errorf("the bell holds %q (%v), want one line", got, err)
	}
}
