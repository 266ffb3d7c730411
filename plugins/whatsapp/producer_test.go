package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What other people's JavaScript makes of the same values is what is sent.
func TestSameAsAnotherProducer(t *testing.T) {
	type named struct {
		Text string `json:"text"`
		Name string `json:"name,omitempty"`
	}
	type pressed struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	}
	templates := []struct {
		Name     string    `json:"name"`
		Language string    `json:"language"`
		Header   *named    `json:"header,omitempty"`
		Body     []named   `json:"body"`
		Buttons  []pressed `json:"buttons,omitempty"`
	}{
		{Name: "numbers", Language: "pt_BR", Body: []named{{Text: "Ana"}, {Text: "Limpeza de pele"}}},
		{
			Name: "everything", Language: "en", Header: &named{Text: "Studio Aurora"}, Body: []named{{Text: "Ana"}},
			Buttons: []pressed{{"url", "q7W"}, {"quick_reply", "confirm"}},
		},
		{Name: "names", Language: "pt_BR", Header: &named{"Studio", "company"}, Body: []named{{"Ana", "customer_name"}, {"Corte", "service"}}},
	}
	var ours []any
	for _, tt := range templates {
		f := &filled{name: tt.Name, language: tt.Language}
		if tt.Header != nil {
			f.header = value{tt.Header.Name, tt.Header.Text}
		}
		for _, v := range tt.Body {
			f.body = append(f.body, value{v.Name, v.Text})
		}
		for i, b := range tt.Buttons {
			f.buttons = append(f.buttons, button{b.Type, i, b.Value})
		}
		fake := newFakeMeta(t)
		fake.templates = nil // it refuses the template, and keeps what it was asked
		l := configured(t, block(fake.URL, nil))
		_, _ = l.provider.sendTemplate(t.Context(), "+"+customer, f)
		var sent struct{ Template any }
		if err := json.Unmarshal(fake.last, &sent); err != nil {
			t.Fatal(err)
		}
		ours = append(ours, sent.Template)
	}
	var theirs []any
	if err := json.Unmarshal(produce(t, templates), &theirs); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plain(theirs), plain(ours)); diff != "" {
		t.Errorf("templates (-whatsapp-api-js +ours):\n%s", diff)
	}
}

// plain writes numbers as texts: Meta's documents have the place of a button
// as a text, and its servers take both.
func plain(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = plain(v[key])
		}
	case float64:
		return fmt.Sprint(v)
	}
	return v
}

// produce runs testdata/producer.mjs.
func produce(t *testing.T, templates any) []byte {
	t.Helper()
	modules := os.Getenv("EARSHOT_TEST_NODE_MODULES")
	if modules == "" {
		modules = filepath.Join("..", "..", ".tools", "node", "node_modules")
	}
	library, err := filepath.Abs(filepath.Join(modules, "whatsapp-api-js", "lib", "messages", "index.js"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(library); err != nil {
		t.Fatalf("the npm package whatsapp-api-js is not in %s: run make test, which installs it, or set EARSHOT_TEST_NODE_MODULES", modules)
	}
	input, err := json.Marshal(map[string]any{"library": (&url.URL{Scheme: "file", Path: library}).String(), "templates": templates})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join("testdata", "producer.mjs"))
	cmd.Stdin = bytes.NewReader(input)
	var said, wrong bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &wrong
	if err := cmd.Run(); err != nil {
		t.Fatalf("node (install Node.js 20 or newer if it is missing): %v\n%s", err, wrong.String())
	}
	return said.Bytes()
}
