package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/earshot-host/earshot/sdk/appointment"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the texts in testdata/golden anew")

// Every text, as a reader would see it.
func TestTexts(t *testing.T) {
	for _, locale := range locales() {
		for _, audience := range []string{toCustomer, toProvider} {
			for name, change := range map[string][]string{
				"saved": nil, "updated": {`"notifications":"0"`, `"notifications":"1"`}, "deleted": nil,
			} {
				t.Run(strings.Join([]string{locale, audience, name}, " "), func(t *testing.T) {
					l := configured(t, block("http://127.0.0.1", map[string]any{
						"mode": "text", "audiences": []string{audience}, "app_url": "https://agenda.example.com/",
					}))
					ev := event(t, name, change...)
					p := &appointment.Payload{}
					if err := ev.Decode(p); err != nil {
						t.Fatal(err)
					}
					who, _ := l.cfg.recipients(ev, p)
					who[0].locale = locale
					start, err := p.Start()
					if err != nil {
						t.Fatal(err)
					}
					m, err := l.cfg.compose(p.Kind(), p, start, who[0])
					if err != nil {
						t.Fatal(err)
					}
					golden(t, filepath.Join("testdata", "golden", audience+"."+name+"."+locale+".txt"), m.text+"\n")
				})
			}
		}
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: write it with go test -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// With nothing but a service and a time, no text has a hole in it.
func TestTextsOfAnEmptyPayload(t *testing.T) {
	l := configured(t, block("http://127.0.0.1", map[string]any{"mode": "text"}))
	for _, locale := range locales() {
		for _, audience := range []string{toCustomer, toProvider} {
			for _, kind := range []appointment.Kind{appointment.Booked, appointment.Changed, appointment.Cancelled} {
				text, err := l.cfg.text(kind, recipient{audience: audience, locale: locale}, view{Service: "Corte", When: "hoje"})
				if err != nil {
					t.Fatal(err)
				}
				for _, hole := range []string{"  ", ", !", " ,", " .", "\n\n\n", ": \n", "com \n", "with \n"} {
					if strings.Contains(text, hole) {
						t.Errorf("%s %s %s has a hole %q:\n%s", locale, audience, kind, hole, text)
					}
				}
			}
		}
	}
}

func TestTextsOfOnesOwn(t *testing.T) {
	l := configured(t, block("http://127.0.0.1", map[string]any{"mode": "text", "texts": map[string]any{
		"pt-BR": map[string]any{"customer": map[string]any{"booked": "Oi {{.FirstName}}, até {{.Weekday}}!"}},
	}}))
	text, err := l.cfg.text(appointment.Booked, recipient{audience: toCustomer, locale: "pt-BR"}, view{FirstName: "Ana {{.Hash}}", Weekday: "sábado", Hash: "q7W"})
	if err != nil || text != "Oi Ana {{.Hash}}, até sábado!" {
		t.Errorf("text = %q, %v", text, err)
	}
}

func TestLongTextIsCut(t *testing.T) {
	l := configured(t, block("http://127.0.0.1", map[string]any{"mode": "text", "texts": map[string]any{
		"en": map[string]any{"customer": map[string]any{"booked": strings.Repeat("{{.Service}}", 50)}},
	}}))
	text, err := l.cfg.text(appointment.Booked, recipient{audience: toCustomer, locale: "en"}, view{Service: strings.Repeat("ã", 100)})
	if n := len([]rune(text)); err != nil || n != maxText {
		t.Errorf("text has %d characters, %v, want %d", n, err, maxText)
	}
}

func TestWhen(t *testing.T) {
	tests := []struct {
		name, locale, zone, date, time string
		want                           string
	}{
		{"as the company writes", "pt-BR", "America/Sao_Paulo", "DMY", "military", "terça-feira, 27/01/2026 às 14:15"},
		{"in another language", "en", "America/Sao_Paulo", "MDY", "regular", "Tuesday, 01/27/2026 at 2:15 pm"},
		{"year first", "en", "America/Sao_Paulo", "YMD", "military", "Tuesday, 2026/01/27 at 14:15"},
		{"nothing said", "pt-BR", "America/Sao_Paulo", "", "", "terça-feira, 27/01/2026 às 14:15"},
		{"a zone with the same hours", "pt-BR", "America/Argentina/Buenos_Aires", "DMY", "military", "terça-feira, 27/01/2026 às 14:15"},
		{"elsewhere", "pt-BR", "Asia/Tokyo", "DMY", "military", "quarta-feira, 28/01/2026 às 02:15 (Asia/Tokyo)"},
	}
	l := configured(t, block("http://127.0.0.1", nil))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &appointment.Payload{}
			p.Provider.Timezone = "America/Sao_Paulo"
			p.Appointment.StartDatetime = "2026-01-27 14:15:00"
			p.Settings.DateFormat, p.Settings.TimeFormat = tt.date, tt.time
			start, err := p.Start()
			if err != nil {
				t.Fatal(err)
			}
			zone, err := time.LoadLocation(tt.zone)
			if err != nil {
				t.Fatal(err)
			}
			if got := l.cfg.newView(p, start, recipient{locale: tt.locale, zone: zone}).When; got != tt.want {
				t.Errorf("When = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLink(t *testing.T) {
	tests := []struct {
		index    any
		audience string
		want     string
	}{
		{nil, toCustomer, "https://agenda.example.com/index.php/booking/reschedule/q7W"},
		{"", toCustomer, "https://agenda.example.com/booking/reschedule/q7W"},
		{nil, toProvider, "https://agenda.example.com/index.php/calendar/reschedule/q7W"},
	}
	for _, tt := range tests {
		l := configured(t, block("http://127.0.0.1", map[string]any{"app_url": "https://agenda.example.com/", "index_page": tt.index}))
		for event, want := range map[string]string{"appointment.saved": tt.want, "appointment.deleted": ""} {
			p := &appointment.Payload{Event: event}
			p.Appointment.Hash = "q7W"
			if got := l.cfg.newView(p, time.Now(), recipient{audience: tt.audience, zone: time.UTC}).Link; got != want {
				t.Errorf("link of %s for %s = %q, want %q", event, tt.audience, got, want)
			}
		}
	}
}

func TestMatchLocale(t *testing.T) {
	for tag, want := range map[string]string{"pt-BR": "pt-BR", "pt": "pt-BR", "pt-PT": "pt-BR", "EN": "en", "en-GB": "en", "de": "", "": ""} {
		if got := matchLocale(tag); got != want {
			t.Errorf("matchLocale of %q = %q, want %q", tag, got, want)
		}
	}
}
