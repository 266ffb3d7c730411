package registry_test

import (
	"strings"
	"testing"

	"github.com/earshot-host/earshot/host/internal/registry"
)

func TestCheckPayload(t *testing.T) {
	object := `{"a":"` + strings.Repeat("x", 70000) + `"}`
	tests := []struct{ name, payload, want string }{
		{"object", `{"a":1}`, ""},
		{"object with space", " \r\n\t{} ", ""},
		{"a real one", string(read(t, "appointment.saved.json")), ""},
		{"large object", object, ""},
		{"empty", "", "payload is empty; it must be a JSON object"},
		{"blank", " \n", "payload is empty; it must be a JSON object"},
		{"zero", "0", "payload is a number; it must be a JSON object"},
		{"null", "null", "payload is null; it must be a JSON object"},
		{"false", "false", "payload is true or false; it must be a JSON object"},
		{"text", `"{}"`, "payload is text; it must be a JSON object"},
		{"list", "[]", "payload is a list; it must be a JSON object"},
		{"not JSON", "hello", "payload is not JSON: byte 1 of 5 does not belong there"},
		{"two values", "{} {}", "payload is not JSON: byte 4 of 5 does not belong there"},
		{"ends early", `{"a":"b`, "payload is not JSON: it ends too early, after 7 bytes"},
		{"cut by its column", object[:65535], "payload is cut off at 65535 bytes: its column is TEXT, which holds no more; make it LONGTEXT"},
		{"cut before a wide character", object[:65533], "payload is cut off at 65533 bytes: its column is TEXT, which holds no more; make it LONGTEXT"},
		{"not UTF-8", "{\"a\":\"\xe9\"}", "payload is not valid UTF-8 at byte 6; the application must write UTF-8"},
		{"nested too deep", strings.Repeat(`{"a":`, 20000) + "1" + strings.Repeat("}", 20000), "payload is nested deeper than 10000 levels"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := registry.CheckPayload([]byte(tt.payload)); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("CheckPayload = %q, want %q", got, tt.want)
			}
		})
	}
}
