package main

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"sync"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
)

// signedBlock signs with key for clinic.example.com; record is what DNS would say.
func signedBlock(t *testing.T, m *mailServer, key crypto.Signer) (block, record string) {
	t.Helper()
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	kind := "rsa"
	if ed, ok := key.Public().(ed25519.PublicKey); ok {
		kind, public = "ed25519", ed
	}
	file := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	return serverBlock(m, fmt.Sprintf(`,"dkim":{"domain":"clinic.example.com","selector":"s1","key":%q}`, file)),
		"v=DKIM1; k=" + kind + "; p=" + base64.StdEncoding.EncodeToString(public)
}

func TestDKIMIsVerifiedByOthers(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{"RSA": rsaKey, "Ed25519": edKey} {
		t.Run(name, func(t *testing.T) {
			m := startServer(t, &mailServer{}, nil, false)
			block, record := signedBlock(t, m, key)
			l := configured(t, block)
			var wg sync.WaitGroup
			for n := range 4 {
				wg.Go(func() {
					if err := l.Handle(t.Context(), eventOf(t, n)); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			verify := func(mail []byte) error {
				found, err := dkim.VerifyWithOptions(bytes.NewReader(mail), &dkim.VerifyOptions{LookupTXT: func(domain string) ([]string, error) {
					if domain != "s1._domainkey.clinic.example.com" {
						return nil, fmt.Errorf("asked for %s", domain)
					}
					return []string{record}, nil
				}})
				if err != nil {
					return err
				}
				if len(found) != 1 {
					return fmt.Errorf("%d signatures", len(found))
				}
				return found[0].Err
			}
			for _, r := range m.received() {
				if err := verify(r.data); err != nil {
					t.Errorf("signature: %v", err)
				}
				for _, change := range [][2]string{{"Subject:", "Subject: x"}, {"Subject:", "Subject: x\r\nSubject:"}, {"Date:", "Date: x"}, {"From:", "From: x@example.com\r\nFrom:"}} {
					forged := bytes.Replace(r.data, []byte("\r\n"+change[0]), []byte("\r\n"+change[1]), 1)
					if bytes.Equal(forged, r.data) || verify(forged) == nil {
						t.Errorf("a mail with %q in place of %q still verifies", change[1], change[0])
					}
				}
			}
			if n := len(m.received()); n != 8 {
				t.Errorf("%d mails arrived, want 8", n)
			}
		})
	}
}
