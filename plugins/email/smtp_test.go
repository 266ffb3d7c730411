package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority makes a certificate for 127.0.0.1 and the file of who signed it.
func authority(t *testing.T) (*tls.Config, string) {
	t.Helper()
	server, cert, _ := certificate(t)
	return server, cert
}

// certificate makes the same and the file of the private key as well.
func certificate(t *testing.T) (server *tls.Config, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	keyFile = filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, file, keyFile
}

func TestTLSAndLogin(t *testing.T) {
	tlsConfig, ca := authority(t)
	tests := []struct {
		name, tls, auth string
		password        string
		trust           string
		server          *tls.Config
		class           class // 0: it arrives
		says            string
	}{
		{"starttls, best login", "starttls", "auto", "p4ssw0rd", ca, tlsConfig, 0, ""},
		{"starttls, login", "starttls", "login", "p4ssw0rd", ca, tlsConfig, 0, ""},
		{"starttls, plain", "starttls", "plain", "p4ssw0rd", ca, tlsConfig, 0, ""},
		{"implicit, best login", "implicit", "auto", "p4ssw0rd", ca, tlsConfig, 0, ""},
		{"implicit, login", "implicit", "login", "p4ssw0rd", ca, tlsConfig, 0, ""},
		{"wrong password", "starttls", "auto", "wr0ng", ca, tlsConfig, unavailable, "535"},
		{"wrong password, login", "implicit", "login", "wr0ng", ca, tlsConfig, unavailable, "535"},
		{"login that is not offered", "starttls", "cram-md5", "p4ssw0rd", ca, tlsConfig, unavailable, "it offers: PLAIN, LOGIN"},
		{"unknown authority", "starttls", "auto", "p4ssw0rd", "", tlsConfig, unavailable, "certificate"},
		{"unknown authority, implicit", "implicit", "auto", "p4ssw0rd", "", tlsConfig, unavailable, "certificate"},
		{"no STARTTLS offered", "starttls", "auto", "p4ssw0rd", ca, nil, unavailable, "STARTTLS"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := startServer(t, &mailServer{user: "agenda", password: "p4ssw0rd"}, tt.server, tt.tls == "implicit")
			block := fmt.Sprintf(`{"smtp":{"host":%q,"port":%s,"tls":%q,"auth":%q,"username":"agenda","password":%q,"tls_ca":%q},"from":"agenda@example.com"}`,
				m.host, m.port, tt.tls, tt.auth, tt.password, tt.trust)
			f := sendOne(t, t.Context(), block)
			check := configured(t, block).Check(t.Context())
			if tt.class == 0 {
				if f != nil || check != nil {
					t.Fatalf("send: %v; check: %v", f, check)
				}
				if mails := m.received(); len(mails) != 1 || !mails[0].secure && tt.tls == "starttls" {
					t.Errorf("%d mails over a secure connection, want 1", len(mails))
				}
				return
			}
			if f == nil || f.class != tt.class || !strings.Contains(f.what, tt.says) {
				t.Fatalf("failure %+v, want class %d that says %q", f, tt.class, tt.says)
			}
			if check == nil || !strings.Contains(check.Error(), tt.says) {
				t.Errorf("Check = %v, want an error with %q", check, tt.says)
			}
			for _, secret := range []string{"p4ssw0rd", "wr0ng", "joao", "user agenda"} {
				if strings.Contains(f.what, secret) || strings.Contains(check.Error(), secret) {
					t.Errorf("%q or %q tells a secret", f.what, check)
				}
			}
			if n := len(m.received()); n != 0 {
				t.Errorf("%d mails arrived all the same", n)
			}
		})
	}
}

func TestPasswordNeverGoesInClear(t *testing.T) {
	m := startServer(t, &mailServer{user: "agenda", password: "p4ssw0rd"}, nil, false)
	block := fmt.Sprintf(`{"smtp":{"host":%q,"port":%s,"tls":"none","username":"agenda","password":"p4ssw0rd"},"from":"agenda@example.com"}`, m.host, m.port)
	if _, err := readConfig(configOf(block)); err == nil || !strings.Contains(err.Error(), "smtp.tls") {
		t.Errorf("readConfig = %v, want it to refuse", err)
	}
}

// The connection is made anew when the server drops it between two mails.
func TestReconnectsForTheNextRecipient(t *testing.T) {
	host, port := scriptedServer(t, map[string]string{"RSET": "hang up"})
	l := configured(t, plainBlock(host, port))
	if err := l.Handle(t.Context(), event(readFile(t, "appointment.saved.json"))); err != nil {
		t.Errorf("Handle = %v, want both mails taken over two connections", err)
	}
}

func TestBouncesGoToTheReturnPath(t *testing.T) {
	m := startServer(t, &mailServer{}, nil, false)
	l := configured(t, serverBlock(m, `,"return_path":"bounces@example.com"`))
	if err := l.Handle(t.Context(), event(readFile(t, "appointment.saved.json"))); err != nil {
		t.Fatal(err)
	}
	for _, r := range m.received() {
		if r.from != "bounces@example.com" {
			t.Errorf("envelope sender %s, want bounces@example.com", r.from)
		}
	}
}
