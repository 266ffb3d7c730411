package appointment

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDecodeIsLenient(t *testing.T) {
	tests := []struct {
		name, json string
		ok         func(p Payload) bool
	}{
		{"id is an int", `{"appointment":{"id":7}}`, func(p Payload) bool { return p.Appointment.ID == 7 }},
		{"id is a float", `{"appointment":{"id":7.0}}`, func(p Payload) bool { return p.Appointment.ID == 7 }},
		{"id is a text", `{"appointment":{"id":" 7 "}}`, func(p Payload) bool { return p.Appointment.ID == 7 }},
		{"id is empty", `{"appointment":{"id":""}}`, func(p Payload) bool { return p.Appointment.ID == 0 }},
		{"id is null", `{"appointment":{"id":null}}`, func(p Payload) bool { return p.Appointment.ID == 0 }},
		{"price is a text", `{"service":{"price":"179.90"}}`, func(p Payload) bool { return p.Service.Price == 179.9 }},
		{"price is whole", `{"service":{"price":150}}`, func(p Payload) bool { return p.Service.Price == 150 }},
		{"duration is a text", `{"service":{"duration":"45"}}`, func(p Payload) bool { return p.Service.Minutes == 45 }},
		{"phone is a number", `{"customer":{"phone_number":5511955500142}}`, func(p Payload) bool { return p.Customer.PhoneNumber == "5511955500142" }},
		{"text is null", `{"customer":{"email":null}}`, func(p Payload) bool { return p.Customer.Email == "" }},
		{"true", `{"manage_mode":true}`, func(p Payload) bool { return p.ManageMode }},
		{"1", `{"manage_mode":1}`, func(p Payload) bool { return p.ManageMode }},
		{"text 1", `{"manage_mode":"1"}`, func(p Payload) bool { return p.ManageMode }},
		{"text true", `{"manage_mode":"True"}`, func(p Payload) bool { return p.ManageMode }},
		{"0", `{"manage_mode":0}`, func(p Payload) bool { return !p.ManageMode }},
		{"text 0", `{"manage_mode":"0"}`, func(p Payload) bool { return !p.ManageMode }},
		{"null is false", `{"manage_mode":null}`, func(p Payload) bool { return !p.ManageMode }},
		{"notifications off", `{"provider":{"settings":{"notifications":"0"}}}`, func(p Payload) bool {
			return p.Provider.Settings.Notifications != nil && !*p.Provider.Settings.Notifications
		}},
		{"notifications null", `{"provider":{"settings":{"notifications":null}}}`, func(p Payload) bool { return p.Provider.Settings.Notifications == nil }},
		{"object is a list", `{"provider":{"first_name":"Ana","settings":[]}}`, func(p Payload) bool { return p.Provider.FirstName == "Ana" }},
		{"object is null", `{"customer":null,"settings":[],"service":null}`, func(p Payload) bool { return p == Payload{} }},
		{"unknown keys", `{"appointment":{"template_id":[1,{}],"id":3},"meeting":{}}`, func(p Payload) bool { return p.Appointment.ID == 3 }},
		{"nothing at all", `{}`, func(p Payload) bool { return p == Payload{} }},
		{"lone surrogate", `{"customer":{"first_name":"a\ud83d"}}`, func(p Payload) bool { return p.Customer.FirstName == "a\uFFFD" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := Payload{ICSStream: "left over"}
			if err := json.Unmarshal([]byte(tt.json), &p); err != nil {
				t.Fatal(err)
			}
			if !tt.ok(p) {
				t.Errorf("%s gave %+v", tt.json, p)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	tests := []struct{ name, json, says string }{
		{"null", `null`, "is null"},
		{"zero", `0`, "is a number"},
		{"list", `[]`, "is a list"},
		{"false", `false`, "is a boolean"},
		{"encoded twice", `"{\"event\":\"appointment.saved\"}"`, "is a text"},
		{"cut", `{"event":"appointment.sa`, "unexpected end"},
		{"empty", ``, "unexpected end"},
		{"two values", `{} {}`, "after top-level value"},
		{"object is a text", `{"customer":"secret@example.com"}`, "customer: want an object, got a text"},
		{"object is a full list", `{"provider":{"settings":["secret"]}}`, "provider.settings: want an object, got a list"},
		{"text is an object", `{"customer":{"email":{"secret":1}}}`, "customer.email: want a text, got an object"},
		{"text is a boolean", `{"customer":{"email":true}}`, "customer.email: want a text, got a boolean"},
		{"id is a word", `{"appointment":{"id":"secret"}}`, "appointment.id: want a number"},
		{"id is broken", `{"appointment":{"id":1.5}}`, "appointment.id: not a whole number"},
		{"id is huge", `{"appointment":{"id":1e300}}`, "appointment.id: not a whole number"},
		{"id overflows", `{"appointment":{"id":1e999}}`, "appointment.id: want a number"},
		{"price is NaN", `{"service":{"price":"NaN"}}`, "service.price: want a number"},
		{"price is a list", `{"service":{"price":["secret"]}}`, "service.price: want a number, got a list"},
		{"flag is a word", `{"manage_mode":"secret"}`, "manage_mode: want true, false, 0 or 1"},
		{"flag is an object", `{"manage_mode":{}}`, "manage_mode: want true, false, 0 or 1"},
		{"flag behind a pointer", `{"provider":{"settings":{"notifications":"secret"}}}`, "provider.settings.notifications: want true"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var p Payload
			err := json.Unmarshal([]byte(tt.json), &p)
			if err == nil {
				t.Fatalf("%s was read as %+v", tt.json, p)
			}
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %q does not say %q", err, tt.says)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("error %q tells the value", err)
			}
		})
	}
}

// A payload that was cut anywhere is an error, never half an appointment.
func TestDecodeRefusesEveryCut(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "appointment.deleted.json"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range data {
		var p Payload
		if json.Unmarshal(data[:n], &p) == nil {
			t.Fatalf("the first %d bytes of %d were accepted", n, len(data))
		}
	}
}

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds in testdata: %v", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"appointment":{"id":"1","start_datetime":"0000-00-00 00:00:00"},"provider":{"timezone":"Local"}}`))
	f.Add([]byte(`{"provider":[],"service":{"duration":"1e3","price":"0x1p-2"},"manage_mode":"1"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var p Payload
		if json.Unmarshal(data, &p) != nil {
			return
		}
		p.Kind()
		if zone, _ := p.Zone(); zone == nil || zone == time.Local {
			t.Errorf("zone %v of %q", zone, p.Provider.Timezone)
		}
		if start, err := p.Start(); err == nil && start.IsZero() && p.Appointment.StartDatetime == "" {
			t.Error("a missing start is a time")
		}
		if p.Revision() < 0 {
			t.Errorf("revision %d", p.Revision())
		}
	})
}
