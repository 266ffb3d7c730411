package main

import (
	"strings"
	"testing"
)

func TestOneLine(t *testing.T) {
	tests := []struct{ in, want string }{
		{" Ana  Lima\t", "Ana Lima"},
		{"Ana\r\nBcc: x", "Ana Bcc: x"},
		{"Ana\x00\u202e\u2028Lima", "Ana Lima"},
		{"a\u00a0b", "a b"},
		{strings.Repeat("é", 25), strings.Repeat("é", 19) + "…"},
		{"", ""},
	}
	for _, tt := range tests {
		if got := oneLine(tt.in, 20); got != tt.want {
			t.Errorf("oneLine(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestParagraph(t *testing.T) {
	tests := []struct{ in, want string }{
		{"one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"},
		{"\n\n one \t\n\n two\n", "one\n\n two"},
		{"a\x1b[31mb\u2066c", "a[31mbc"},
		{strings.Repeat("é", 50), strings.Repeat("é", 39) + "…"},
	}
	for _, tt := range tests {
		if got := paragraph(tt.in, 40); got != tt.want {
			t.Errorf("paragraph(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestAddresses(t *testing.T) {
	tests := []struct{ in, name, address string }{
		{"ana@example.com", "", "ana@example.com"},
		{"  ana@example.com\n", "", "ana@example.com"},
		{"Ana Lima <ana.lima+x@example.com>", "Ana Lima", "ana.lima+x@example.com"},
		{"ana@são-joão.example", "", "ana@xn--so-joo-3tae.example"},
		{"josé@example.com", "", "josé@example.com"},
		{"ana@localhost", "", "ana@localhost"},
		{"ana", "", ""},
		{"", "", ""},
		{"ana@", "", ""},
		{"@example.com", "", ""},
		{"a@example.com, b@example.com", "", ""},
		{`"a b"@example.com`, "", ""},
		{`"a> RCPT TO:<b"@example.com`, "", ""},
		{"ana@example.com\r\nBcc: b@example.com", "", ""},
		{"ana@[127.0.0.1]", "", ""},
		{"ana@exa mple.com", "", ""},
		{"ana@-.example..com", "", ""},
		{strings.Repeat("a", 65) + "@example.com", "", ""},
	}
	for _, tt := range tests {
		if name, address := splitAddress(tt.in); name != tt.name || address != tt.address {
			t.Errorf("splitAddress(%q) = %q, %q, want %q, %q", tt.in, name, address, tt.name, tt.address)
		}
	}
}
