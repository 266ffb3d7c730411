package main

import (
	"strings"
	"testing"
)

func TestRecipients(t *testing.T) {
	saved := string(readFile(t, "appointment.saved.json"))
	with := func(oldnew ...string) string { return strings.NewReplacer(oldnew...).Replace(saved) }
	staff := `"audiences":{"staff":[{"email":"desk@example.com"},{"email":"nails@example.com","services":[9]},{"email":"other@example.com","providers":[8]},{"email":"skin@example.com","services":[3,9],"providers":[7],"language":"en","timezone":"Europe/Lisbon"}]},`
	const both = "customer:joao.davila@correio.example:pt-BR:America/Sao_Paulo provider:marcia.lima@studio-aurora.example:pt-BR:America/Sao_Paulo"
	tests := []struct{ name, keys, payload, want string }{
		{"the sample", "", saved, both},
		{"staff by service and provider", staff, saved, both + " staff:desk@example.com:en:America/Sao_Paulo staff:skin@example.com:en:Europe/Lisbon"},
		{"one address only", `"only_to":"SKIN@example.com",` + staff, saved, "staff:skin@example.com:en:Europe/Lisbon"},
		{"customers off", `"audiences":{"customer":false},`, saved, both[strings.Index(both, "provider"):]},
		{"providers off", `"audiences":{"provider":false},`, saved, both[:strings.Index(both, " provider")]},
		{"the provider said no", "", with(`"notifications":"1"`, `"notifications":"0"`), both[:strings.Index(both, " provider")]},
		{"the payload does not say", "", with(`"notifications":"1"`, `"notifications":null`), both},
		{"unknown language and zone", `"audiences":{"provider":false},"default_locale":"pt",`,
			with(`"language":"portuguese-br"`, `"language":"klingon"`, `"timezone":"America\/Sao_Paulo"`, `"timezone":"Mars\/Base"`), "customer:joao.davila@correio.example:pt-BR:UTC"},
		{"a customer without zone lives where the provider works", `"audiences":{"provider":false},`,
			with(`"phone_number":"(19) 95550-0142"`, `"timezone":null`, `"timezone":"America\/Sao_Paulo","language":"portuguese-br","custom_field_1":"Alergia`, `"custom_field_1":"Alergia`),
			"customer:joao.davila@correio.example:en:America/Sao_Paulo"},
		{"or in the zone that is configured", `"audiences":{"provider":false},"default_timezone":"America/Manaus",`,
			with(`"timezone":"America\/Sao_Paulo","language":"portuguese-br","custom_field_1":"Alergia`, `"custom_field_1":"Alergia`),
			"customer:joao.davila@correio.example:en:America/Manaus"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			block := strings.Replace(fileBlock, `"default_locale": "en"`, `"index_page": ""`, 1)
			l := configured(t, strings.Replace(block, "{", "{"+tt.keys, 1))
			o := occasionOf(t, []byte(tt.payload))
			var got []string
			for _, r := range l.cfg.recipients(o.p, nil, "12-email") {
				got = append(got, r.audience+":"+r.address+":"+r.locale+":"+r.zone.String())
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("recipients\n%s, want\n%s", strings.Join(got, " "), tt.want)
			}
		})
	}
}

// A receipt is stored: it must not tell the address, nor link two events.
func TestReceiptKeys(t *testing.T) {
	key := recipientKey("12-email", toCustomer, "Ana@example.com")
	if key != recipientKey("12-email", toCustomer, " ana@EXAMPLE.com") {
		t.Error("the same address written otherwise has another key")
	}
	for _, other := range []string{recipientKey("13-email", toCustomer, "ana@example.com"), recipientKey("12-email", toProvider, "ana@example.com")} {
		if key == other {
			t.Error("two events, or two audiences, share a key")
		}
	}
	if strings.Contains(strings.ToLower(key), "ana") || strings.Contains(key, "@") {
		t.Errorf("the key %s tells the address", key)
	}
}

func TestLinks(t *testing.T) {
	tests := []struct{ keys, audience, want string }{
		{`"app_url":"https://a.example.com/"`, toCustomer, "https://a.example.com/index.php/booking/reschedule/q7WmT2xZr0Ka"},
		{`"app_url":"https://a.example.com/x"`, toProvider, "https://a.example.com/x/index.php/calendar/reschedule/q7WmT2xZr0Ka"},
		{`"app_url":"https://a.example.com","index_page":""`, toCustomer, "https://a.example.com/booking/reschedule/q7WmT2xZr0Ka"},
		{`"notes":"text"`, toCustomer, ""},
	}
	for _, tt := range tests {
		l := configured(t, `{"file":{"dir":"mail"},"from":"a@example.com",`+tt.keys+`}`)
		o := occasionOf(t, readFile(t, "appointment.saved.json"))
		for _, rcpt := range l.cfg.recipients(o.p, nil, "key") {
			if rcpt.audience != tt.audience {
				continue
			}
			v, err := l.cfg.newView(o, rcpt)
			if err != nil {
				t.Fatal(err)
			}
			if v.ManageURL != tt.want {
				t.Errorf("%s: link %q, want %q", tt.keys, v.ManageURL, tt.want)
			}
		}
	}
}

func TestBarColors(t *testing.T) {
	tests := []struct{ in, bar, on string }{
		{"#6b3fa0", "#6b3fa0", "#ffffff"}, {"#fff", "#fff", "#1f2933"}, {" #FFEE00 ", "#FFEE00", "#1f2933"},
		{"", "#2f5d8a", "#ffffff"}, {"red;background:url(x)", "#2f5d8a", "#ffffff"}, {"#12345", "#2f5d8a", "#ffffff"},
	}
	for _, tt := range tests {
		if bar, on := barColors(tt.in); string(bar) != tt.bar || string(on) != tt.on {
			t.Errorf("barColors(%q) = %s, %s, want %s, %s", tt.in, bar, on, tt.bar, tt.on)
		}
	}
}
