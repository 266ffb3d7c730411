package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMarkTest(t *testing.T) {
	const whole = `{"service": {"name": "Corte"}, "customer": {"first_name": "Ana", "email": "ana@example.com", "mobile_number": "1"},
		"provider": {"email": "rui@example.com", "phone_number": "2", "timezone": "America/Sao_Paulo"}, "manage_mode": false}`
	tests := []struct {
		name, payload, to string
		want              string
		err               string
	}{
		{"marked for all", whole, "",
			`{"service": {"name": "[TEST] Corte"}, "customer": {"first_name": "[TEST] Ana", "email": "ana@example.com", "mobile_number": "1"},
			"provider": {"email": "rui@example.com", "phone_number": "2", "timezone": "America/Sao_Paulo"}, "manage_mode": false}`, ""},
		{"one mail, nobody else", whole, "me@example.com",
			`{"service": {"name": "[TEST] Corte"}, "customer": {"first_name": "[TEST] Ana", "email": "me@example.com", "phone_number": null, "mobile_number": null},
			"provider": {"email": null, "phone_number": null, "mobile_number": null, "timezone": "America/Sao_Paulo"}, "manage_mode": false}`, ""},
		{"one number, nobody else", `{"customer": {"email": "ana@example.com"}}`, "+5519955500142",
			`{"customer": {"email": null, "phone_number": "+5519955500142", "mobile_number": null}}`, ""},
		{"marked once", `{"service": {"name": "[TEST] Corte"}}`, "", `{"service": {"name": "[TEST] Corte"}}`, ""},
		{"an empty object of PHP", `{"service": [], "customer": null}`, "", `{"service": [], "customer": null}`, ""},
		{"another kind of payload", `{"id": 7}`, "", `{"id": 7}`, ""},
		{"nobody to redirect", `{"id": 7}`, "me@example.com", "", "--to needs a payload with a customer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := markTest([]byte(tt.payload), tt.to)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(value(t, tt.want), value(t, string(got))); diff != "" {
				t.Errorf("payload (-want +got):\n%s", diff)
			}
		})
	}
}

func value(t *testing.T, text string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}
