package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/earshot-host/earshot/sdk"
)

// templatesDir writes files and returns a block that uses their folder.
func templatesDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return strings.Replace(withStaff, "{", `{"templates_dir":`+quote(dir)+",", 1)
}

func quote(s string) string {
	data, _ := json.Marshal(s) // a text always can
	return string(data)
}

// Every language says everything; a translator who forgets a key is told which.
func TestLanguagesAreComplete(t *testing.T) {
	set, err := loadTemplates("")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(set.locales(), " "); got != "en pt-BR" {
		t.Errorf("languages %s", got)
	}
	for _, tag := range set.locales() {
		if missing := set.words[tag].missing(set.words["en"]); len(missing) > 0 {
			t.Errorf("%s misses %v", tag, missing)
		}
		if got, want := slices.Sorted(maps.Keys(set.words[tag].Labels)), slices.Sorted(maps.Keys(set.words["en"].Labels)); !slices.Equal(got, want) {
			t.Errorf("%s has the labels %v, want %v", tag, got, want)
		}
	}
}

func TestDatesAreTheReaders(t *testing.T) {
	set, err := loadTemplates("")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 3, 0, 5, 0, 0, time.UTC)
	tests := []struct{ tag, date, clock, long, short string }{
		{"en", "DMY", "military", "Tuesday, 3 March 2026", "03/03/2026 00:05"},
		{"en", "MDY", "regular", "Tuesday, March 3, 2026", "03/03/2026 12:05 am"},
		{"en", "YMD", "regular", "Tuesday, 2026-03-03", "2026-03-03 12:05 am"},
		{"pt-BR", "DMY", "military", "terça-feira, 3 de março de 2026", "03/03/2026 00:05"},
		{"pt-BR", "MDY", "regular", "terça-feira, 3 de março de 2026", "03/03/2026 12:05 am"},
		{"pt-BR", "YMD", "", "terça-feira, 2026-03-03", "2026-03-03 00:05"},
		{"pt-BR", "", "", "terça-feira, 3 de março de 2026", "03/03/2026 00:05"},
	}
	for _, tt := range tests {
		w := set.words[tt.tag]
		if got := w.date(at, tt.date); got != tt.long {
			t.Errorf("%s %s: %q, want %q", tt.tag, tt.date, got, tt.long)
		}
		if got := w.short(at, tt.date, tt.clock); got != tt.short {
			t.Errorf("%s %s %s: %q, want %q", tt.tag, tt.date, tt.clock, got, tt.short)
		}
	}
}

func TestTemplatesOfAFolder(t *testing.T) {
	files := map[string]string{
		"booked/customer.pt-BR.txt":         "pt-BR {{.Date .Start}} {{.Clock .Start}} {{.Label \"service\"}} {{truncate 5 .Service}} {{.Payload.Customer.City}}",
		"booked/customer.pt-BR.subject.txt": "{{.Company}}: {{.When}}\n",
		"booked/customer.html":              "<p>any language</p>{{template \"rows\" .Rows}}",
		"booked/staff.pt.txt":               "no English reader reads this",
		"cancelled/provider.pt.txt":         "português",
		"changed/provider.en.txt":           "no Brazilian reads this",
		"message.txt":                       "all others: {{.Heading}}",
		"pt-BR.json":                        `{"messages":{"booked_staff":{"heading":"Chegou um horário"}}}`,
	}
	l := configured(t, templatesDir(t, files))
	tests := []struct{ file, audience, subject, text, html string }{
		{"appointment.saved.json", toCustomer, "Studio Aurora: 27/01/2026 14:15", "pt-BR terça-feira, 27 de janeiro de 2026 14:15 Serviço Limp… Campinas", "<p>any language</p><table"},
		{"appointment.saved.json", toProvider, "Novo agendamento: ", "all others: Chegou um horário", "<!DOCTYPE html>"},
		{"appointment.saved.json", toStaff, "New appointment: ", "all others: New appointment", "<!DOCTYPE html>"},
		{"appointment.deleted.json", toCustomer, "Agendamento cancelado: ", "all others: O agendamento foi cancelado", "<!DOCTYPE html>"},
		{"appointment.deleted.json", toProvider, "Agendamento cancelado: ", "português", "<!DOCTYPE html>"},
		{"appointment.updated.json", toCustomer, "Appointment changed: ", "all others: The appointment was changed", "<!DOCTYPE html>"},
	}
	for _, tt := range tests {
		t.Run(tt.file+" "+tt.audience, func(t *testing.T) {
			o := occasionOf(t, readFile(t, tt.file))
			for _, rcpt := range l.cfg.recipients(o.p, nil, "key") {
				if rcpt.audience != tt.audience {
					continue
				}
				letter, err := l.cfg.compose(o, rcpt)
				if err != nil {
					t.Fatal(err)
				}
				v, err := l.cfg.newView(o, rcpt)
				if err != nil {
					t.Fatal(err)
				}
				if !strings.HasPrefix(v.Subject, tt.subject) || letter.text != tt.text || !strings.HasPrefix(letter.html, tt.html) {
					t.Errorf("subject %q, text %q, html %.40q; want %q, %q, %q", v.Subject, letter.text, letter.html, tt.subject, tt.text, tt.html)
				}
			}
		})
	}
}

func TestALanguageOfAFolder(t *testing.T) {
	data, err := builtIn.ReadFile("templates/en.json")
	if err != nil {
		t.Fatal(err)
	}
	l := configured(t, templatesDir(t, map[string]string{"es.json": strings.ReplaceAll(string(data), "Your appointment is booked", "Su cita está reservada")}))
	payload := strings.ReplaceAll(string(readFile(t, "appointment.saved.json")), `"language":"portuguese-br"`, `"language":"spanish"`)
	o := occasionOf(t, []byte(payload))
	letter, err := l.cfg.compose(o, l.cfg.recipients(o.p, nil, "key")[0])
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(letter.text, "Su cita está reservada") {
		t.Errorf("the text starts with %.40q", letter.text)
	}
}

// A fault in a template is found when the configuration is read.
func TestTemplatesAreCheckedAtOnce(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		says  []string
	}{
		{"syntax", map[string]string{"message.txt": "one\n{{.Heading"}, []string{"message.txt:2"}},
		{"field", map[string]string{"booked/staff.html": "<p>\n{{.Headline}}"}, []string{"booked/staff.html:2", "Headline"}},
		{"label", map[string]string{"message.txt": `{{.Label "sevice"}}`}, []string{"message.txt:1", "sevice"}},
		{"name", map[string]string{"boked/customer.txt": "x"}, []string{"boked/customer.txt", "booked/customer.pt-BR.txt"}},
		{"a language that is not whole", map[string]string{"es.json": `{"greeting":"Hola"}`}, []string{"es.json", "footer", "messages.booked", "labels.service", "dates.DMY"}},
		{"a key that is none", map[string]string{"en.json": `{"greting":"Hi"}`}, []string{"en.json", "greting"}},
		{"a text", map[string]string{"en.json": `{"messages":{"booked":{"subject":"{{.Nobody}}"}}}`}, []string{"Nobody"}},
		{"two faults", map[string]string{"message.txt": "{{", "message.html": "{{"}, []string{"message.txt", "message.html"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := readConfig(sdk.Config{JSON: json.RawMessage(templatesDir(t, tt.files))})
			if err == nil || !strings.Contains(pathsOf(err), " templates_dir ") {
				t.Fatalf("readConfig = %v, want a fault of templates_dir", err)
			}
			for _, want := range tt.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
	if _, err := readConfig(configOf(`{"file":{"dir":"mail"},"from":"a@example.com","templates_dir":"missing"}`)); err == nil || !strings.Contains(err.Error(), "/etc/earshot/missing") {
		t.Errorf("readConfig = %v, want it to name the folder that is missing", err)
	}
}

func TestNotesCanBeLeftOut(t *testing.T) {
	l := configured(t, strings.Replace(fileBlock, "{", `{"notes":"omit",`, 1))
	o := occasionOf(t, readFile(t, "appointment.saved.json"))
	letter, err := l.cfg.compose(o, l.cfg.recipients(o.p, nil, "key")[0])
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(letter.text+letter.html+letter.ics, "Primeira vez") {
		t.Error("the notes are mailed all the same")
	}
}
