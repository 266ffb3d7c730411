package main

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
	"go.yaml.in/yaml/v4"

	"github.com/earshot-host/earshot/sdk"
	"github.com/earshot-host/earshot/sdk/conformance"
	"github.com/earshot-host/earshot/sdk/sdktest"
)

func TestConformance(t *testing.T) {
	sdktest.Conformance(t, func() sdk.Listener { return &Listener{} }, conformance.Plugin{
		Config: []byte(fileBlock), Event: "appointment.saved", Payload: readFile(t, "appointment.saved.json"),
	})
}

// Over the host's own wire: one mailbox fails, the receipts of the others come
// back with the next attempt, and they are not told again.
func TestReceiptsOverTheWire(t *testing.T) {
	m := startServer(t, &mailServer{answer: func(to string) error {
		if strings.HasPrefix(to, "joao") {
			return &smtp.SMTPError{Code: 450, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted"}
		}
		return nil
	}}, nil, false)
	h := sdktest.Start(t, &Listener{}, sdktest.Config(serverBlock(m, `,"audiences":{"staff":[{"email":"desk@example.com"}]}`)))
	deliver := func() sdktest.Answer {
		return h.Deliver(&sdk.Event{Name: "appointment.saved", IdempotencyKey: "12-email", Payload: readFile(t, "appointment.saved.json")})
	}
	first := deliver()
	if first.Outcome != sdktest.Retry || len(first.Receipts) != 2 || first.ExternalID == "" {
		t.Fatalf("first attempt: %s, want a retry with the receipts of two", first)
	}
	m.mu.Lock()
	m.answer = nil
	m.mu.Unlock()
	second := deliver()
	if second.Outcome != sdktest.Delivered || len(second.Receipts) != 1 {
		t.Errorf("second attempt: %s, want it delivered with one receipt more", second)
	}
	var to []string
	for _, r := range m.received() {
		to = append(to, r.to)
	}
	if got := strings.Join(to, " "); got != "marcia.lima@studio-aurora.example desk@example.com joao.davila@correio.example" {
		t.Errorf("mails went to %s", got)
	}
}

// The README lists every key that there is.
func TestReadmeListsAllKeys(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(readme), "## All keys")
	for _, key := range keysOf(reflect.TypeFor[config](), "") {
		last := key[strings.LastIndexByte(key, '.')+1:]
		if !strings.Contains(table, "`"+key+"`") && !strings.Contains(table, "`"+last+"`") && !strings.Contains(table, "`."+last+"`") && !strings.Contains(table, last+":") {
			t.Errorf("the README says nothing of %s", key)
		}
	}
}

// The set-up that the README shows is one that is accepted.
func TestReadmeSetUpIsAccepted(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, sample, _ := strings.Cut(string(readme), "```yaml\n")
	sample, _, _ = strings.Cut(sample, "```")
	var file struct {
		Listeners map[string]struct {
			Config map[string]any `yaml:"config"`
		} `yaml:"listeners"`
	}
	if err := yaml.Unmarshal([]byte(sample), &file); err != nil {
		t.Fatal(err)
	}
	block := file.Listeners["email"].Config
	smtpKeys := block["smtp"].(map[string]any)
	smtpKeys["password"] = "what the file holds" // the host reads {file: …}
	data, err := json.Marshal(block)
	if err != nil {
		t.Fatal(err)
	}
	c, err := readConfig(configOf(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	if c.SMTP.TLS != "implicit" || c.from.Address != "agenda@example.com" {
		t.Errorf("it was read as %+v", c)
	}
}

func keysOf(t reflect.Type, path string) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[sdk.Secret]() {
		return []string{strings.TrimSuffix(path, ".")}
	}
	var keys []string
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("json"); key != "" {
			keys = append(keys, keysOf(t.Field(i).Type, path+key+".")...)
		}
	}
	return keys
}
