package main

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/earshot-host/earshot/sdk"
)

// smtpConfig says how to reach and use the mail server.
type smtpConfig struct {
	Host string `json:"host" jsonschema:"required"`
	// Port 0 means 587, or 465 with implicit TLS.
	Port int `json:"port"`
	// TLS is starttls (the default), implicit or none.
	TLS string `json:"tls" jsonschema:"enum=starttls,enum=implicit,enum=none"`
	// Auth is auto (the default), plain, login, cram-md5, scram-sha-256, xoauth2 or none.
	Auth     string     `json:"auth" jsonschema:"enum=auto,enum=plain,enum=login,enum=cram-md5,enum=scram-sha-256,enum=xoauth2,enum=none"`
	Username string     `json:"username"`
	Password sdk.Secret `json:"password"`
	// TokenFile holds the access token of xoauth2. It is read at each login, so
	// that whoever renews the token only has to write the file.
	TokenFile string `json:"token_file"`
	// HELO is the name that the listener gives itself; empty means the domain of From.
	HELO string `json:"helo"`
	// Timeout bounds one connection and one mail each; 0 means 15s.
	Timeout sdk.Duration `json:"timeout"`
	// TLSCA is a PEM file of authorities to trust instead of the system's.
	TLSCA              string `json:"tls_ca"`
	TLSInsecure        bool   `json:"tls_insecure"`
	AllowPlaintextAuth bool   `json:"allow_plaintext_auth"`

	// MaxConnections is how many connections are open at once; 0 means 2.
	MaxConnections int `json:"max_connections"`
	// MaxPerConnection is how many mails one connection takes; 0 means 50.
	MaxPerConnection int `json:"max_per_connection"`
	// IdleTimeout closes a connection that nobody uses; 0 means 30s.
	IdleTimeout sdk.Duration `json:"idle_timeout"`

	roots *x509.CertPool
}

// complete fills in what was left out and says what cannot work.
func (s *smtpConfig) complete(dir string, fault faultFunc) {
	if s.Host == "" {
		fault("smtp.host", "is missing: name the mail server, for example smtp.example.com")
	}
	s.completeTLS(dir, fault)
	s.completeLogin(dir, fault)
	s.Timeout = cmp.Or(s.Timeout, sdk.Duration(15*time.Second))
	s.IdleTimeout = cmp.Or(s.IdleTimeout, sdk.Duration(30*time.Second))
	for _, n := range []struct {
		path  string
		value *int
		usual int
	}{{"smtp.max_connections", &s.MaxConnections, 2}, {"smtp.max_per_connection", &s.MaxPerConnection, 50}} {
		if *n.value < 0 {
			fault(n.path, "%d is not a number of 1 or more", *n.value)
		}
		if *n.value == 0 {
			*n.value = n.usual
		}
	}
}

func (s *smtpConfig) completeLogin(dir string, fault faultFunc) {
	if s.Auth == "" {
		s.Auth = "auto"
	}
	if auths := []string{"auto", "plain", "login", "cram-md5", "scram-sha-256", "xoauth2", "none"}; !slices.Contains(auths, s.Auth) {
		fault("smtp.auth", "%q is unknown: use one of %s", s.Auth, strings.Join(auths, ", "))
	}
	if s.Auth != "auto" && s.Auth != "none" && s.Username == "" {
		fault("smtp.username", "is missing: auth %s needs it", s.Auth)
	}
	if s.TokenFile != "" {
		s.TokenFile = under(dir, s.TokenFile)
	}
	switch {
	case s.Auth == "xoauth2" && s.TokenFile == "":
		fault("smtp.token_file", "is missing: auth xoauth2 reads the access token from a file that something else renews")
	case s.Auth != "xoauth2" && s.TokenFile != "":
		fault("smtp.token_file", "belongs to auth: xoauth2")
	case s.Auth != "xoauth2" && s.Auth != "none" && s.Username != "" && s.Password.IsZero():
		fault("smtp.password", "is missing: it belongs to the username; without both, the listener does not log in")
	case !s.Password.IsZero() && s.Username == "":
		fault("smtp.username", "is missing: there is a password")
	}
}

func (s *smtpConfig) completeTLS(dir string, fault faultFunc) {
	if s.TLS == "" {
		s.TLS = "starttls"
	}
	switch {
	case s.TLS != "starttls" && s.TLS != "implicit" && s.TLS != "none":
		fault("smtp.tls", "%q is unknown: use starttls, implicit or none", s.TLS)
	case s.Port == 465 && s.TLS == "starttls":
		fault("smtp.tls", "port 465 speaks TLS from the first byte: use tls: implicit, or port 587")
	case s.Port == 587 && s.TLS == "implicit":
		fault("smtp.tls", "port 587 starts in clear and turns to TLS: use tls: starttls, or port 465")
	case s.TLS == "none" && (!s.Password.IsZero() || s.TokenFile != "") && !s.AllowPlaintextAuth:
		fault("smtp.tls", "none would send the password in clear: use starttls, or allow_plaintext_auth: true on a network that you trust")
	}
	switch {
	case s.Port < 0 || s.Port > 65535:
		fault("smtp.port", "%d is not a port", s.Port)
	case s.Port == 0 && s.TLS == "implicit":
		s.Port = 465
	case s.Port == 0:
		s.Port = 587
	}
	if s.TLSCA == "" {
		return
	}
	pem, err := os.ReadFile(under(dir, s.TLSCA))
	if err != nil {
		fault("smtp.tls_ca", "%w", err)
		return
	}
	s.roots = x509.NewCertPool()
	if !s.roots.AppendCertsFromPEM(pem) {
		fault("smtp.tls_ca", "the file holds no PEM certificate")
	}
}

func (s *smtpConfig) tlsConfig() *tls.Config {
	return &tls.Config{
		ServerName: s.Host, MinVersion: tls.VersionTLS12,
		RootCAs: s.roots, InsecureSkipVerify: s.TLSInsecure,
	}
}

// secrets are what no error may tell.
func (s *smtpConfig) secrets() []string { return []string{s.Password.Reveal(), s.Username} }
