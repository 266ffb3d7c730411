package appointment

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func readPayload(t *testing.T, name string) Payload {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var p Payload
	if err := json.Unmarshal(data, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSavedPayload(t *testing.T) {
	p := readPayload(t, "appointment.saved.json")
	if !strings.HasPrefix(p.ICSStream, "BEGIN:VCALENDAR\r\n") {
		t.Errorf("ICSStream starts with %.20q", p.ICSStream)
	}
	p.ICSStream = ""
	yes := true
	want := Payload{
		Event: "appointment.saved",
		Appointment: Appointment{
			ID: 4127, StartDatetime: "2026-01-27 14:15:00", EndDatetime: "2026-01-27 15:00:00",
			CreateDatetime: "2026-01-22 20:15:37", UpdateDatetime: "2026-01-22 20:15:37",
			Location: "Rua das Acácias, 210 - sala 4",
			Notes:    "Primeira vez 😊\nPrefiro silêncio \"total\"",
			Hash:     "q7WmT2xZr0Ka", Status: "Booked",
		},
		Service: Service{
			ID: 3, Name: "Limpeza de pele / hidratação", Minutes: 45, Price: 179.9, Currency: "R$",
			Description: "Sessão completa.\nChegar 10 min antes & sem maquiagem.",
			Location:    "Rua das Acácias, 210 - sala 4",
		},
		Provider: Provider{
			Person: Person{
				ID: 7, FirstName: "Márcia", LastName: "Queiroz Lima", Email: "marcia.lima@studio-aurora.example",
				PhoneNumber: "(11) 95550-0108", MobileNumber: "(11) 95550-0107",
				Address: "Rua das Acácias, 210 - sala 4", City: "Campinas", State: "SP", ZipCode: "13010-000",
				Timezone: "America/Sao_Paulo", Language: "portuguese-br",
			},
			Settings: ProviderSettings{Notifications: &yes},
		},
		Customer: Person{
			ID: 58, FirstName: "João Otávio", LastName: "D'Ávila", Email: "joao.davila@correio.example",
			PhoneNumber: "(19) 95550-0142", Address: "Av. Brasil, 1500 <apto 31>", City: "Campinas",
			ZipCode: "13070-000", Timezone: "America/Sao_Paulo", Language: "portuguese-br",
		},
		Settings: Settings{
			CompanyName: "Studio Aurora", CompanyLink: "https://studio-aurora.example",
			CompanyEmail: "contato@studio-aurora.example", CompanyColor: "#6b3fa0",
			DateFormat: "DMY", TimeFormat: "military",
		},
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("saved payload (-want +got):\n%s", diff)
	}
}

func TestPayloadHoldsNoSecret(t *testing.T) {
	for _, name := range []string{"appointment.saved.json", "appointment.updated.json", "appointment.deleted.json"} {
		p := readPayload(t, name)
		data, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), "EXAMPLE-not-a-real") {
			t.Errorf("%s: a token or a password was decoded", name)
		}
	}
}

func TestKind(t *testing.T) {
	tests := []struct {
		event      string
		manageMode bool
		want       Kind
	}{
		{"appointment.saved", false, Booked},
		{"appointment.saved", true, Changed},
		{"appointment.updated", false, Changed},
		{"appointment.updated", true, Changed},
		{"appointment.deleted", false, Cancelled},
		{"appointment.deleted", true, Cancelled},
		{"appointment.reminder", false, ""},
		{"", false, ""},
	}
	for _, tt := range tests {
		p := Payload{Event: tt.event, ManageMode: tt.manageMode}
		if got := p.Kind(); got != tt.want {
			t.Errorf("Kind of %q, manage mode %t = %q, want %q", tt.event, tt.manageMode, got, tt.want)
		}
	}
}

func TestFullName(t *testing.T) {
	tests := []struct{ first, last, want string }{
		{"Ana", "Lima", "Ana Lima"},
		{" Ana  Paula ", "", "Ana Paula"},
		{"", "Lima", "Lima"},
		{"", " ", ""},
	}
	for _, tt := range tests {
		if got := (Person{FirstName: tt.first, LastName: tt.last}).FullName(); got != tt.want {
			t.Errorf("FullName of %q %q = %q, want %q", tt.first, tt.last, got, tt.want)
		}
	}
}
