package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/earshot-host/earshot/sdk"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// Nobody may use the proxy of the environment; Go reads it once, so it is set here.
	os.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	os.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	goleak.VerifyTestMain(m)
}

// Two signing secrets, as whsec_ and base64 of 32 bytes.
const (
	newSecret = "whsec_bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3MTI="
	oldSecret = "whsec_b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkMTI="
)

// configured is a listener for a block given as Go values; nil fields of block are left out.
func configured(t *testing.T, block map[string]any) *Listener {
	t.Helper()
	l := &Listener{}
	if err := l.Configure(t.Context(), asConfig(t, block)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func asConfig(t *testing.T, block map[string]any) sdk.Config {
	t.Helper()
	data, err := json.Marshal(block)
	if err != nil {
		t.Fatal(err)
	}
	return sdk.Config{Listener: "webhook", JSON: data, Dir: t.TempDir()}
}

// local is a block for a server of this machine.
func local(url string, more map[string]any) map[string]any {
	block := map[string]any{"url": url, "allow": []string{"127.0.0.0/8"}}
	for key, value := range more {
		block[key] = value
	}
	return block
}

func event(payload []byte) *sdk.Event {
	return &sdk.Event{
		ID: 12, Name: "appointment.saved", Payload: payload, IdempotencyKey: "ev12.webhook",
		OccurredAt: time.Date(2026, 1, 22, 23, 15, 37, 0, time.UTC), Attempt: 1, MaxAttempts: 3,
	}
}

func payload(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// request is one that a receiver got.
type request struct {
	method, path string
	header       http.Header
	body         []byte
}

// receiver is a real HTTP server that keeps what it gets and answers 204, or
// whatever answer does.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	requests []request
}

func newReceiver(t *testing.T, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(r.handler(answer))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) handler(answer http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.requests = append(r.requests, request{req.Method, req.RequestURI, req.Header, body})
		r.mu.Unlock()
		if answer != nil {
			answer(w, req)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

func (r *receiver) got(t *testing.T, n int) []request {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.requests) != n {
		t.Fatalf("the receiver got %d requests, want %d", len(r.requests), n)
	}
	return r.requests
}
