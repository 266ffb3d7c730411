package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/wneessen/go-mail/smtp"
)

var (
	// errNoLogin says that the server and the configuration share no way to log in.
	errNoLogin = errors.New("the mail server offers no way to log in that smtp.auth allows")
	// errNoToken says that there is no token to log in with.
	errNoToken = errors.New("smtp.token_file cannot be used")
)

// login picks the best way to log in of those that the server offers.
type login struct {
	cfg *smtpConfig
	smtp.Auth
}

// Start chooses and begins; no secret leaves before the choice.
func (l *login) Start(server *smtp.ServerInfo) (string, []byte, error) {
	ways := []string{strings.ToUpper(l.cfg.Auth)}
	if l.cfg.Auth == "auto" {
		ways = []string{"SCRAM-SHA-256", "PLAIN", "LOGIN", "CRAM-MD5"}
		if !server.TLS {
			ways = []string{"SCRAM-SHA-256", "CRAM-MD5", "PLAIN", "LOGIN"}
		}
	}
	for _, way := range ways {
		if slices.ContainsFunc(server.Auth, func(s string) bool { return strings.EqualFold(s, way) }) {
			var err error
			if l.Auth, err = l.cfg.mechanism(way); err != nil {
				return "", nil, err
			}
			return l.Auth.Start(server)
		}
	}
	return "", nil, fmt.Errorf("%w (it offers: %s)", errNoLogin, strings.Join(server.Auth, ", "))
}

func (s *smtpConfig) mechanism(way string) (smtp.Auth, error) {
	switch way {
	case "SCRAM-SHA-256":
		return smtp.ScramSHA256Auth(s.Username, s.Password.Reveal()), nil
	case "CRAM-MD5":
		return smtp.CRAMMD5Auth(s.Username, s.Password.Reveal()), nil
	case "LOGIN":
		return smtp.LoginAuth(s.Username, s.Password.Reveal(), s.Host, s.AllowPlaintextAuth), nil
	case "XOAUTH2":
		token, err := os.ReadFile(s.TokenFile)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errNoToken, err)
		}
		t := strings.TrimSpace(string(token))
		if t == "" || strings.ContainsAny(t, " \t\r\n\x01") {
			return nil, fmt.Errorf("%w: it must hold the access token and nothing else", errNoToken)
		}
		return smtp.XOAuth2Auth(s.Username, t), nil
	}
	return smtp.PlainAuth("", s.Username, s.Password.Reveal(), s.Host, s.AllowPlaintextAuth), nil
}
