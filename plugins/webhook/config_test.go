package main

import (
	"strings"
	"testing"
)

func TestConfigFaults(t *testing.T) {
	tests := []struct {
		name  string
		block map[string]any
		says  string
	}{
		{"no url", map[string]any{}, "url"},
		{"a key that is none", map[string]any{"ur": "x"}, "ur"},
		{"no scheme", map[string]any{"url": "hooks.example.com"}, "url"},
		{"another scheme", map[string]any{"url": "ftp://hooks.example.com"}, "url"},
		{"a password in clear", map[string]any{"url": "http://a:s3cret@hooks.example.com"}, "https"},
		{"a url that is none", map[string]any{"url": "https://a:s3cret@hooks.example.com:port"}, "url"},
		{"format", map[string]any{"format": "xml"}, "standard, cloudevents, raw, easyappointments"},
		{"mode", map[string]any{"cloudevents": map[string]any{"mode": "fast"}}, "cloudevents.mode"},
		{"source", map[string]any{"cloudevents": map[string]any{"source": "%zz"}}, "cloudevents.source"},
		{"secret", map[string]any{"secrets": []string{newSecret, "s3cret"}}, "secrets[1]"},
		{"header name", map[string]any{"headers": map[string]string{"X Y": "z"}}, "headers"},
		{"header value", map[string]any{"headers": map[string]string{"X-Y": "s3cret\r\nX-Z: 1"}}, "headers.X-Y"},
		{"header of ours", map[string]any{"headers": map[string]string{"Webhook-Id": "1"}}, "headers.Webhook-Id"},
		{"token", map[string]any{"easyappointments": map[string]any{"token": "s3cret\n"}}, "easyappointments.token"},
		{"token header", map[string]any{"easyappointments": map[string]any{"header": "a b"}}, "easyappointments.header"},
		{"redact", map[string]any{"redact": []string{"customer..phone"}}, "redact[0]"},
		{"redact pattern", map[string]any{"redact": []string{"customer.[a"}}, "redact[0]"},
		{"network", map[string]any{"network": "lan"}, "network"},
		{"allow", map[string]any{"allow": []string{"10.0.0.0/8", "lan"}}, "allow[1]"},
		{"proxy that is none", map[string]any{"network": "any", "proxy": "proxy:3128"}, "proxy"},
		{"proxy with public", map[string]any{"proxy": "http://proxy.example.com:3128"}, "network: any"},
		{"proxy to metadata", map[string]any{"url": "http://169.254.169.254/x", "network": "any", "proxy": "http://proxy.example.com:3128"}, "never called"},
		{"no ca", map[string]any{"tls": map[string]any{"ca_file": "none.pem"}}, "tls.ca_file"},
		{"key without certificate", map[string]any{"tls": map[string]any{"key_file": "a"}}, "tls.cert_file"},
		{"certificate without key", map[string]any{"tls": map[string]any{"cert_file": "a"}}, "tls.key_file"},
		{"no certificate", map[string]any{"tls": map[string]any{"cert_file": "a", "key_file": "b"}}, "tls.cert_file"},
		{"timeout", map[string]any{"timeout": "soon"}, "timeout"},
		{"no time", map[string]any{"timeout": "0s"}, "timeout"},
		{"no time to connect", map[string]any{"connect_timeout": "0s"}, "connect_timeout"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, ok := tt.block["url"]; !ok && tt.name != "no url" {
				tt.block["url"] = "https://hooks.example.com"
			}
			err := new(Listener).Configure(t.Context(), asConfig(t, tt.block))
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("Configure = %v, want an error about %q", err, tt.says)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	err := new(Listener).Configure(t.Context(), asConfig(t, map[string]any{"format": "xml", "network": "lan"}))
	for _, key := range []string{"url", "format", "network"} {
		if err == nil || !strings.Contains(err.Error(), key+":") {
			t.Errorf("Configure = %v, want a fault of %s too", err, key)
		}
	}
}
