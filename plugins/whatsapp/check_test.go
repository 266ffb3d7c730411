package main

import (
	"strings"
	"testing"
)

func named(name string, more map[string]any) map[string]any {
	t := map[string]any{"name": name}
	for key, value := range more {
		t[key] = value
	}
	return map[string]any{"templates": map[string]any{"customer": map[string]any{"booked": t}}}
}

func TestCheckOfMeta(t *testing.T) {
	one := map[string]string{"pt-BR": "pt_BR"}
	button := []any{map[string]any{"type": "url", "index": 1, "value": "x"}}
	tests := []struct {
		name string
		more map[string]any
		says string // empty: all is well
	}{
		{"all is well", nil, ""},
		{"texts need no templates", map[string]any{"mode": "text", "business_account_id": ""}, ""},
		{"no business account", map[string]any{"business_account_id": ""}, ""},
		{"a wrong token", map[string]any{"token": "wrong"}, "make a new one"},
		{"a wrong number", map[string]any{"phone_number_id": "1"}, "phone_number_id"},
		{"a wrong account", map[string]any{"business_account_id": "1"}, "read the templates"},
		{"no such template", named("agendamento", nil), "templates.customer.booked: template agendamento (pt_BR) does not exist"},
		{"another language", named("com_botao", map[string]any{"header": "x", "header_name": "company", "named": map[string]string{"customer_name": "x", "service": "y"}}), "(en) does not exist: the template has pt_BR"},
		{"another number of values", named("agendamento_confirmado", map[string]any{"body": []string{"a"}}), "has 4 values in its body, and the configuration gives 1"},
		{"not approved", map[string]any{"languages": one, "templates": named("em_analise", nil)["templates"]}, "is PENDING"},
		{"no header", map[string]any{"languages": one, "templates": named("com_botao", map[string]any{"body": []string{"a", "b"}})["templates"]}, "1 values in its header, and the configuration gives 0"},
		{"another button", map[string]any{"languages": one, "templates": named("com_botao", map[string]any{"body": []string{"a", "b"}, "header": "x", "buttons": button})["templates"]}, "buttons with a changing address at [0], and the configuration fills those at [1]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFakeMeta(t)
			err := configured(t, block(f.URL, tt.more)).Check(t.Context())
			if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("Check = %v, want it to say %q", err, tt.says)
			}
			if f.calls != 0 {
				t.Errorf("Check sent %d messages", f.calls)
			}
			noNumbers(t, err)
		})
	}
}

func Test360Dialog(t *testing.T) {
	f := newFakeMeta(t)
	l := configured(t, block(f.URL, map[string]any{"provider": "360dialog"}))
	if err := l.Check(t.Context()); err != nil {
		t.Errorf("Check = %v", err)
	}
	if err := l.Handle(t.Context(), event(t, "saved")); err != nil {
		t.Errorf("Handle = %v", err)
	}
	if got := f.messagesGot(); len(got) != 1 || got[0].Template.Name != "agendamento_confirmado" {
		t.Errorf("messages = %+v", got)
	}
	if err := configured(t, block(f.URL, map[string]any{"provider": "360dialog", "mode": "text"})).Check(t.Context()); err != nil {
		t.Errorf("Check without templates = %v", err)
	}
	for _, mode := range []string{"text", "template"} {
		wrong := configured(t, block(f.URL, map[string]any{"provider": "360dialog", "token": "wrong", "mode": mode}))
		if err := wrong.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "Invalid api key") {
			t.Errorf("Check of a wrong key, mode %s = %v", mode, err)
		}
		if err := wrong.Handle(t.Context(), event(t, "saved")); verdictOf(err) != "unavailable" {
			t.Errorf("a wrong key, mode %s = %v, want unavailable", mode, err)
		}
	}
}
