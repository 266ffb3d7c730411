package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mailpitEnv names the variable with the path of a Mailpit binary.
const mailpitEnv = "EARSHOT_TEST_MAILPIT"

// mailpit is a mail server that is not ours: it wants STARTTLS and a password,
// and shows over HTTP what it took.
type mailpit struct {
	t        *testing.T
	smtp     string // port
	api      string
	ca       string // file
	user     string
	password string
}

// mail is what Mailpit tells of a message.
type mail struct {
	ID          string
	MessageID   string
	Subject     string
	From        person
	To          []person
	Text, HTML  string
	Attachments []attachment
}

type person struct{ Name, Address string }

type attachment struct{ PartID, FileName, ContentType string }

func startMailpit(t *testing.T) *mailpit {
	t.Helper()
	path := os.Getenv(mailpitEnv)
	if path == "" {
		t.Fatalf("no mail server to test with: run `make test`, which installs one, or set %s to a Mailpit binary", mailpitEnv)
	}
	dir := t.TempDir()
	m := &mailpit{t: t, smtp: freePort(t), ca: filepath.Join(dir, "cert.pem"), user: "agenda", password: "pa$$w\"ord#1"}
	writeCertificate(t, m.ca, filepath.Join(dir, "key.pem"))
	accounts := filepath.Join(dir, "accounts")
	if err := os.WriteFile(accounts, []byte(m.user+":"+m.password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	web := "127.0.0.1:" + freePort(t)
	m.api = "http://" + web + "/api/v1/"
	log := &lockedBuffer{}
	cmd := exec.Command(path, "--quiet", "--disable-version-check", "--smtp-disable-rdns", "--database", filepath.Join(dir, "mails.db"),
		"--listen", web, "--smtp", "127.0.0.1:"+m.smtp, "--pop3", "",
		"--smtp-tls-cert", m.ca, "--smtp-tls-key", filepath.Join(dir, "key.pem"), "--smtp-require-starttls", "--smtp-auth-file", accounts)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatalf("start Mailpit: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
		http.DefaultClient.CloseIdleConnections()
	})
	eventually(t, "Mailpit answers", func() bool {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("Mailpit ended: %v\n%s", err, log)
		default:
		}
		for _, addr := range []string{web, "127.0.0.1:" + m.smtp} {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				return false
			}
			conn.Close()
		}
		return true
	})
	return m
}

// config is the `config` block of the email listener for this server.
func (m *mailpit) config(h *host) string {
	h.write("smtp-password", m.password+"\n")
	return fmt.Sprintf(`{smtp: {host: 127.0.0.1, port: %s, username: %s, password: {file: smtp-password}, tls_ca: %q},
      from: agenda@studio-aurora.example, app_url: "https://agenda.example.com",
      audiences: {staff: [{email: recepcao@studio-aurora.example, language: pt-BR}]}}`, m.smtp, m.user, m.ca)
}

// mails returns all that the server took, by recipient and subject's first words.
func (m *mailpit) mails() []mail {
	m.t.Helper()
	var list struct {
		Messages []struct{ ID string }
	}
	m.get("messages?limit=500", &list)
	var out []mail
	for _, short := range list.Messages {
		var full mail
		m.get("message/"+short.ID, &full)
		out = append(out, full)
	}
	return out
}

// part returns one part of a mail as it was attached.
func (m *mailpit) part(mail mail, part string) string {
	m.t.Helper()
	return m.fetch("message/" + mail.ID + "/part/" + part)
}

func (m *mailpit) get(path string, v any) {
	m.t.Helper()
	if err := json.Unmarshal([]byte(m.fetch(path)), v); err != nil {
		m.t.Fatalf("read %s: %v", path, err)
	}
}

func (m *mailpit) fetch(path string) string {
	m.t.Helper()
	resp, err := http.Get(m.api + path)
	if err != nil {
		m.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		m.t.Fatalf("get %s: %s %v", path, resp.Status, err)
	}
	return string(body)
}

// find returns the one mail to an address whose subject begins with words.
func find(t *testing.T, mails []mail, to, words string) mail {
	t.Helper()
	var found []mail
	for _, m := range mails {
		if len(m.To) == 1 && m.To[0].Address == to && strings.HasPrefix(m.Subject, words) {
			found = append(found, m)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d mails to %s that begin with %q, want 1", len(found), to, words)
	}
	return found[0]
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// writeCertificate makes a certificate for 127.0.0.1 that is its own authority.
func writeCertificate(t *testing.T, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
