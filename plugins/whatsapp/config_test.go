package main

import (
	"strings"
	"testing"
)

func TestConfigFaults(t *testing.T) {
	tests := []struct {
		name string
		more map[string]any
		says string
	}{
		{"provider", map[string]any{"provider": "pigeon"}, "cloud, 360dialog, evolution, waha, twilio"},
		{"a key that is none", map[string]any{"tokne": "x"}, "tokne"},
		{"no token", map[string]any{"token": " \n"}, "token: is missing"},
		{"a token of two lines", map[string]any{"token": "s3cret\ns3cret"}, "token"},
		{"no number", map[string]any{"phone_number_id": ""}, "phone_number_id"},
		{"version", map[string]any{"api_version": "25"}, "v25.0"},
		{"base_url", map[string]any{"base_url": "graph.facebook.com"}, "base_url"},
		{"a password in base_url", map[string]any{"base_url": "https://a:s3cret@graph.example.com"}, "base_url"},
		{"a token in clear", map[string]any{"base_url": "http://graph.example.com"}, "use https"},
		{"no server", map[string]any{"provider": "evolution", "instance": "x", "base_url": ""}, "base_url: is missing"},
		{"no instance", map[string]any{"provider": "evolution"}, "instance"},
		{"no account", map[string]any{"provider": "twilio", "from": "MG1"}, "account_sid"},
		{"no sender", map[string]any{"provider": "twilio", "account_sid": "AC1"}, "from"},
		{"no content", map[string]any{"provider": "twilio", "account_sid": "AC1", "from": "MG1"}, "templates.customer.booked.content_sid.en"},
		{"mode", map[string]any{"mode": "voice"}, "mode"},
		{"waha has no templates", map[string]any{"provider": "waha", "mode": "template"}, "waha has no templates"},
		{"gateways know no window", map[string]any{"provider": "evolution", "instance": "x", "mode": "text_then_template"}, "never says"},
		{"language", map[string]any{"languages": map[string]string{"de": "de"}}, "languages.de"},
		{"language of whatsapp", map[string]any{"languages": map[string]string{"en": "en-US"}}, "languages.en"},
		{"default_locale", map[string]any{"default_locale": "de"}, "default_locale"},
		{"default_locale without templates", map[string]any{"languages": map[string]string{"en": "en"}}, "add it to languages"},
		{"audience", map[string]any{"audiences": []string{"admin"}}, "audiences[0]"},
		{"audience without templates", map[string]any{"audiences": []string{"customer", "provider"}}, "templates.provider"},
		{"no consent", map[string]any{"consent": map[string]any{}}, "consent.mode"},
		{"consent mode", map[string]any{"consent": map[string]any{"mode": "hope"}}, "consent.mode"},
		{"consent field", map[string]any{"consent": map[string]any{"mode": "field"}}, "consent.field"},
		{"no region", map[string]any{"default_region": ""}, "default_region"},
		{"region", map[string]any{"default_region": "Brasil"}, "default_region"},
		{"zone", map[string]any{"default_timezone": "Sao_Paulo"}, "default_timezone"},
		{"app_url", map[string]any{"app_url": "agenda"}, "app_url"},
		{"ambiguous", map[string]any{"ambiguous": "maybe"}, "ambiguous"},
		{"timeout", map[string]any{"timeout": "0s"}, "timeout"},
		{"per_recipient", map[string]any{"per_recipient": "1/6s"}, "per_recipient"},
		{"no templates", map[string]any{"templates": map[string]any{}}, "templates: is missing"},
		{"templates of nobody", map[string]any{"templates": map[string]any{"admin": map[string]any{}}}, "templates.admin"},
		{"templates of nothing", map[string]any{"templates": map[string]any{"customer": map[string]any{"moved": map[string]any{"name": "x"}}}}, "templates.customer.moved"},
		{"an empty template", map[string]any{"templates": map[string]any{"customer": map[string]any{"booked": nil}}}, "templates.customer.booked"},
		{"no name", named("", nil), "templates.customer.booked.name"},
		{"a value that is none", named("x", map[string]any{"body": []string{"{{.Firstname}}"}}), "templates.customer.booked.body[0]"},
		{"a value that does not end", named("x", map[string]any{"header": "{{.FirstName"}), "templates.customer.booked.header"},
		{"numbers and names", named("x", map[string]any{"body": []string{"a"}, "named": map[string]string{"a": "b"}}), "named"},
		{"a header without a name", named("x", map[string]any{"header": "x", "named": map[string]string{"a": "b"}}), "header_name"},
		{"a header with a name", named("x", map[string]any{"header": "x", "header_name": "a"}), "header_name"},
		{"button", named("x", map[string]any{"buttons": []any{map[string]any{"type": "call"}}}), "buttons[0].type"},
		{"button place", named("x", map[string]any{"buttons": []any{map[string]any{"type": "url", "index": 12}}}), "buttons[0].index"},
		{"texts of a language", map[string]any{"texts": map[string]any{"de": map[string]any{}}}, "texts.de"},
		{"texts of nobody", map[string]any{"texts": map[string]any{"en": map[string]any{"admin": map[string]any{}}}}, "texts.en.admin"},
		{"texts of nothing", map[string]any{"texts": map[string]any{"en": map[string]any{"customer": map[string]any{"moved": "x"}}}}, "texts.en.customer.moved"},
		{"a text with a wrong name", map[string]any{"texts": map[string]any{"en": map[string]any{"customer": map[string]any{"booked": "{{.Name}}"}}}}, "{{.FirstName}}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := new(Listener).Configure(t.Context(), asConfig(t, block("https://graph.example.com", tt.more)))
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("Configure = %v, want an error about %q", err, tt.says)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
}

// The values that stand when a key is left out are part of the promise.
func TestDefaults(t *testing.T) {
	for provider, want := range map[string]struct{ mode, base string }{
		"cloud": {"template", "https://graph.facebook.com"}, "360dialog": {"template", "https://waba-v2.360dialog.io"},
		"twilio": {"template", "https://api.twilio.com"}, "evolution": {"text", "http://evolution.example.com"}, "waha": {"text", "http://waha.example.com"},
	} {
		b := block("", map[string]any{
			"provider": provider, "instance": "x", "account_sid": "AC1", "from": "MG1",
			"templates": map[string]any{"customer": map[string]any{"booked": map[string]any{"name": "x", "content_sid": map[string]string{"pt-BR": "HX1", "en": "HX2"}}}},
		})
		delete(b, "per_recipient")
		if strings.HasPrefix(want.base, "http:") {
			b["base_url"] = want.base + "/"
		}
		c, err := readConfig(asConfig(t, b))
		if err != nil {
			t.Fatal(err)
		}
		if c.Mode != want.mode || c.base.String() != want.base || c.APIVersion != "v25.0" || c.Session != "default" ||
			c.Ambiguous != "hold" || c.PerRecipient.String() != "6s" || c.Timeout.String() != "15s" || !c.FixBRNinthDigit ||
			strings.Join(c.Audiences, " ") != "customer" {
			t.Errorf("%s: %+v", provider, c)
		}
	}
}

func TestTokenLosesItsLineEnd(t *testing.T) {
	c, err := readConfig(asConfig(t, block("https://graph.example.com", map[string]any{"token": "t0ken\n"})))
	if err != nil || c.Token.Reveal() != "t0ken" {
		t.Errorf("token = %q, %v", c.Token.Reveal(), err)
	}
}
