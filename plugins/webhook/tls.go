package main

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
)

// files are the PEM files of a TLS connection; relative paths start at the
// folder of events.yaml.
type files struct {
	// CAFile holds the authorities to trust instead of the system's.
	CAFile string `json:"ca_file"`
	// CertFile and KeyFile prove to the receiver who is calling.
	CertFile string `json:"cert_file"`
	KeyFile  string `json:"key_file"`
	// Insecure takes any certificate of the receiver: for a trial only.
	Insecure bool `json:"insecure"`

	roots *x509.CertPool
	own   []tls.Certificate
}

func (f *files) read(dir string, fault faultFunc) {
	under := func(path string) string {
		if filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(dir, path)
	}
	if f.CAFile != "" {
		pem, err := os.ReadFile(under(f.CAFile))
		f.roots = x509.NewCertPool()
		if err != nil {
			fault("tls.ca_file", "%w", err)
		} else if !f.roots.AppendCertsFromPEM(pem) {
			fault("tls.ca_file", "the file holds no PEM certificate")
		}
	}
	switch {
	case f.CertFile == "" && f.KeyFile == "":
	case f.CertFile == "":
		fault("tls.cert_file", "is missing: it belongs to key_file")
	case f.KeyFile == "":
		fault("tls.key_file", "is missing: it belongs to cert_file")
	default:
		pair, err := tls.LoadX509KeyPair(under(f.CertFile), under(f.KeyFile))
		if err != nil {
			fault("tls.cert_file", "%w", err)
		}
		f.own = []tls.Certificate{pair}
	}
}

func (f *files) config() *tls.Config {
	return &tls.Config{RootCAs: f.roots, Certificates: f.own, InsecureSkipVerify: f.Insecure} //nolint:gosec // by choice of the operator
}
