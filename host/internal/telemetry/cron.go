package telemetry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// WriteTextfile writes the metrics for node_exporter's textfile collector. The
// file is replaced at once, so that nobody reads half of it.
func (m *Metrics) WriteTextfile(path string) error {
	if err := prometheus.WriteToTextfile(path, m.registry); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	// node_exporter runs as somebody else, and the file holds no secret.
	if err := os.Chmod(path, 0o644); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}

// pingWithin bounds a heartbeat: monitoring must not hold up the next run.
const pingWithin = 5 * time.Second

// Ping tells a heartbeat monitor that a run has ended: a GET of url, or of
// url/fail when it went wrong.
func Ping(ctx context.Context, url string, failed bool) error {
	if failed {
		url = strings.TrimSuffix(url, "/") + "/fail"
	}
	ctx, cancel := context.WithTimeout(ctx, pingWithin)
	defer cancel()
	// The URL is a secret to many monitors, and errors of net/http hold it.
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("ping the monitor: the URL cannot be used")
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment}}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("ping the monitor: no answer from %s", req.URL.Host)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
	if resp.StatusCode >= 300 {
		return fmt.Errorf("ping the monitor: %s answered %s", req.URL.Host, resp.Status)
	}
	return nil
}
