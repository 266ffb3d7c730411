package httpclient_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/earshot-host/earshot/sdk"
	"github.com/earshot-host/earshot/sdk/httpclient"
	"github.com/earshot-host/earshot/sdk/sdktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// caller is a listener that does nothing but call.
func caller(t *testing.T, url string, opts httpclient.Options) *sdktest.Host {
	t.Helper()
	c := httpclient.New(opts)
	t.Cleanup(c.Close)
	return sdktest.Start(t, sdk.ListenerFunc(func(ctx context.Context, _ *sdk.Event) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/bot-s3cret/send?key=s3cret", strings.NewReader("{}"))
		if err != nil {
			return err
		}
		_, err = c.Do(ctx, req)
		return err
	}))
}

func TestStatusBecomesOutcome(t *testing.T) {
	tests := []struct {
		status     int
		retryAfter string
		want       sdktest.Outcome
		wait       time.Duration
	}{
		{200, "", sdktest.Delivered, 0},
		{202, "", sdktest.Delivered, 0},
		{302, "", sdktest.Rejected, 0},
		{400, "", sdktest.Rejected, 0},
		{401, "", sdktest.Unavailable, 0},
		{403, "", sdktest.Unavailable, 0},
		{408, "", sdktest.Retry, 0},
		{429, "120", sdktest.Retry, 2 * time.Minute},
		{429, "soon", sdktest.Retry, 0},
		{429, "Mon, 02 Jan 2006 15:04:05 GMT", sdktest.Retry, 0},
		{500, "", sdktest.Retry, 0},
		{503, "30", sdktest.Retry, 30 * time.Second},
	}
	for _, tt := range tests {
		t.Run(http.StatusText(tt.status)+tt.retryAfter, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("User-Agent") != "earshot-listener" {
					t.Errorf("user agent %q", r.Header.Get("User-Agent"))
				}
				w.Header().Set("Retry-After", tt.retryAfter)
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tt.status)
			}))
			defer server.Close()
			a := caller(t, server.URL, httpclient.Options{}).Deliver(&sdk.Event{Name: "x"})
			if a.Outcome != tt.want || a.RetryAfter != tt.wait || strings.Contains(a.Message, "s3cret") {
				t.Errorf("answer %s, want %s after %s without the key", a, tt.want, tt.wait)
			}
		})
	}
}

func TestNoAnswer(t *testing.T) {
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		// Only once the body is read does the server notice that the caller is gone.
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer silent.Close()
	closed := httptest.NewServer(nil)
	closed.Close()
	tests := []struct{ name, url, says string }{
		{"silent", silent.URL, "no answer in 50ms"},
		{"closed", closed.URL, "connection refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := caller(t, tt.url, httpclient.Options{Timeout: 50 * time.Millisecond}).Deliver(&sdk.Event{Name: "x"})
			if a.Outcome != sdktest.Retry || !strings.Contains(a.Message, tt.says) || strings.Contains(a.Message, "s3cret") {
				t.Errorf("answer %s, want a retry that says %q", a, tt.says)
			}
		})
	}
}

func TestAnswerIsBounded(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write(make([]byte, 1<<20))
	}))
	defer server.Close()
	c := httpclient.New(httpclient.Options{MaxAnswer: 100})
	defer c.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.Do(t.Context(), req)
	var status *httpclient.StatusError
	if !errors.As(err, &status) || status.Status != 400 || !sdk.IsPermanent(err) {
		t.Errorf("Do = %v, want the permanent status 400", err)
	}
	if len(a.Body) != 100 {
		t.Errorf("body of %d bytes, want 100", len(a.Body))
	}
}

func TestSecretsAreCutOut(t *testing.T) {
	c := httpclient.New(httpclient.Options{
		Secrets: []sdk.Secret{sdk.NewSecret("s3cret")},
		Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			return nil, errors.New("proxy refused user:s3cret")
		}),
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://api.example.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(t.Context(), req); err == nil || err.Error() != "call api.example.com: proxy refused user:[secret]" {
		t.Errorf("Do = %v", err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
