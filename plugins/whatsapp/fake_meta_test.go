package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// fakeMeta is a server in the shape of Meta's Cloud API, and of 360dialog's
// proxy of it. It refuses what the real one refuses.
type fakeMeta struct {
	*httptest.Server
	templates []fakeTemplate

	mu sync.Mutex
	// open holds the numbers that wrote in the last 24 hours.
	open map[string]bool
	// next is what the next messages to a number are answered with.
	next map[string][]http.HandlerFunc
	// got are the messages that were taken; calls counts all that were asked for.
	got   []fakeMessage
	calls int
	// last is the body of the last message that was asked for.
	last []byte
}

type fakeTemplate struct {
	name, language, status, header, body, button string
}

// fakeMessage is what a message must look like; unknown keys are refused.
type fakeMessage struct {
	Product       string `json:"messaging_product"`
	RecipientType string `json:"recipient_type"`
	To            string `json:"to"`
	Type          string `json:"type"`
	Text          *struct {
		Body       string `json:"body"`
		PreviewURL bool   `json:"preview_url"`
	} `json:"text"`
	Template *struct {
		Name     string `json:"name"`
		Language struct {
			Policy string `json:"policy"`
			Code   string `json:"code"`
		} `json:"language"`
		Components []struct {
			Type       string  `json:"type"`
			SubType    string  `json:"sub_type"`
			Index      *string `json:"index"`
			Parameters []struct {
				Type    string `json:"type"`
				Name    string `json:"parameter_name"`
				Text    string `json:"text"`
				Payload string `json:"payload"`
			} `json:"parameters"`
		} `json:"components"`
	} `json:"template"`
}

func newFakeMeta(t *testing.T) *fakeMeta {
	t.Helper()
	f := &fakeMeta{
		open: map[string]bool{}, next: map[string][]http.HandlerFunc{},
		templates: []fakeTemplate{
			{"agendamento_confirmado", "pt_BR", "APPROVED", "", "Olá {{1}}, {{2}} está marcado: {{3}}. {{4}}", ""},
			{"agendamento_confirmado", "en", "APPROVED", "", "Hello {{1}}, {{2}} is booked: {{3}}. {{4}}", ""},
			{"agendamento_cancelado", "pt_BR", "APPROVED", "", "Olá {{1}}, {{2}} de {{3}} foi cancelado. {{4}}", ""},
			{"agendamento_cancelado", "en", "APPROVED", "", "Hello {{1}}, {{2}} of {{3}} is cancelled. {{4}}", ""},
			{"agenda_nova", "pt_BR", "APPROVED", "", "{{1}} marcou {{2}} para {{3}}.", ""},
			{"agenda_nova", "en", "APPROVED", "", "{{1}} booked {{2}} for {{3}}.", ""},
			{"com_botao", "pt_BR", "APPROVED", "{{company}}", "Olá {{customer_name}}: {{service}}", "https://agenda.example.com/booking/reschedule/{{1}}"},
			{"em_analise", "pt_BR", "PENDING", "", "{{1}}", ""},
		},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v25.0/1065/messages", f.bearer(f.messages))
	mux.HandleFunc("GET /v25.0/1065", f.bearer(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"verified_name":"Studio Aurora","display_phone_number":"+55 11 4002-8922","quality_rating":"GREEN","id":"1065"}`)
	}))
	mux.HandleFunc("GET /v25.0/2077/message_templates", f.bearer(f.list("data")))
	mux.HandleFunc("POST /messages", f.d360(f.messages))
	mux.HandleFunc("GET /v1/configs/templates", f.d360(f.list("waba_templates")))
	mux.HandleFunc("GET /health_status", f.d360(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"health_status":{"can_send_message":"AVAILABLE","entities":[]},"id":"1065"}`)
	}))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		graphError(w, 400, 100, 33, "Unsupported request. Object does not exist", "")
	})
	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	return f
}

func (f *fakeMeta) bearer(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t0ken" {
			graphError(w, 401, 190, 463, "Error validating access token: session has expired", "")
			return
		}
		next(w, r)
	}
}

func (f *fakeMeta) d360(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("D360-API-KEY") != "t0ken" {
			w.WriteHeader(401)
			fmt.Fprint(w, `{"meta":{"success":false,"http_code":401,"developer_message":"Invalid api key"}}`)
			return
		}
		next(w, r)
	}
}

// graphError answers as Meta does.
func graphError(w http.ResponseWriter, status, code, subcode int, message, details string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{
		"message": message, "type": "OAuthException", "code": code, "error_subcode": subcode, "fbtrace_id": "AbCdEf",
		"error_data": map[string]any{"messaging_product": "whatsapp", "details": details},
	}})
}

func (f *fakeMeta) messages(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	var m fakeMessage
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil || r.Header.Get("Content-Type") != "application/json" {
		graphError(w, 400, 100, 0, fmt.Sprint("(#100) ", err), "")
		return
	}
	f.mu.Lock()
	f.calls++
	f.last = raw
	var answer http.HandlerFunc
	if queue := f.next[m.To]; len(queue) > 0 {
		answer, f.next[m.To] = queue[0], queue[1:]
	}
	open := f.open[m.To]
	f.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	if status, code, details := f.refuses(&m, open); code != 0 {
		graphError(w, status, code, 0, fmt.Sprintf("(#%d)", code), details)
		return
	}
	f.mu.Lock()
	f.got = append(f.got, m)
	id := fmt.Sprintf("wamid.%d", len(f.got))
	f.mu.Unlock()
	fmt.Fprintf(w, `{"messaging_product":"whatsapp","contacts":[{"input":%q,"wa_id":%q}],"messages":[{"id":%q,"message_status":"accepted"}]}`, m.To, m.To, id)
}

// refuses finds what Meta would not take.
func (f *fakeMeta) refuses(m *fakeMessage, open bool) (status, code int, details string) {
	switch {
	case m.Product != "whatsapp":
		return 400, 100, "The parameter messaging_product is required"
	case m.RecipientType != "individual":
		return 400, 100, "recipient_type must be individual"
	case !regexp.MustCompile(`^[1-9]\d{7,14}$`).MatchString(m.To):
		return 400, 131009, "to is not a phone number"
	case m.Type == "text" && (m.Text == nil || m.Text.Body == "" || len([]rune(m.Text.Body)) > 4096):
		return 400, 131009, "text.body must have 1 to 4096 characters"
	case m.Type == "text" && !open:
		return 400, 131047, "Message failed to send because more than 24 hours have passed since the customer last replied to this number"
	case m.Type == "text":
		return 0, 0, ""
	case m.Type != "template" || m.Template == nil:
		return 400, 131051, "unknown type"
	case m.Template.Language.Policy != "deterministic":
		return 400, 131009, "template.language.policy must be deterministic"
	}
	for _, t := range f.templates {
		if t.name == m.Template.Name && t.language == m.Template.Language.Code {
			return f.refusesTemplate(m, t)
		}
	}
	return 404, 132001, fmt.Sprintf("template name (%s) does not exist in %s", m.Template.Name, m.Template.Language.Code)
}

func (f *fakeMeta) refusesTemplate(m *fakeMessage, t fakeTemplate) (status, code int, details string) {
	given := map[string]int{}
	for _, c := range m.Template.Components {
		if c.Type == "button" && (c.SubType == "" || c.Index == nil || !regexp.MustCompile(`^\d$`).MatchString(*c.Index)) {
			return 400, 131008, "a button needs sub_type and index"
		}
		for _, p := range c.Parameters {
			if p.Text == "" && p.Payload == "" {
				return 400, 131008, "Parameter of type text is missing text value"
			}
			if regexp.MustCompile(`[\n\r\t]| {5,}`).MatchString(p.Text) {
				return 400, 132018, "Param text cannot have new-line/tab characters or more than 4 consecutive spaces"
			}
			if c.Type == "header" && len([]rune(p.Text)) > 60 {
				return 400, 132005, "Header text too long"
			}
			named := strings.Contains(t.body, "{{customer_name}}") && c.Type != "button"
			if named != (p.Name != "") || named && !strings.Contains(t.header+t.body, "{{"+p.Name+"}}") {
				return 400, 132012, "Parameter name does not match the template"
			}
		}
		given[c.Type] += len(c.Parameters)
	}
	for part, text := range map[string]string{"header": t.header, "body": t.body, "button": t.button} {
		if want := strings.Count(text, "{{"); given[part] != want {
			return 400, 132000, fmt.Sprintf("%s: number of localizable_params (%d) does not match the expected number of params (%d)", part, given[part], want)
		}
	}
	if t.status != "APPROVED" {
		return 400, 132001, "the template is not approved"
	}
	return 0, 0, ""
}

// list answers with the templates whose names contain the one asked for.
func (f *fakeMeta) list(key string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		list := []any{}
		for _, t := range f.templates {
			if !strings.Contains(t.name, r.URL.Query().Get("name")) {
				continue
			}
			components := []any{map[string]any{"type": "BODY", "text": t.body}, map[string]any{"type": "FOOTER", "text": "Studio Aurora"}}
			if t.header != "" {
				components = append(components, map[string]any{"type": "HEADER", "format": "TEXT", "text": t.header})
			}
			if t.button != "" {
				components = append(components, map[string]any{"type": "BUTTONS", "buttons": []any{map[string]any{"type": "URL", "text": "Remarcar", "url": t.button}}})
			}
			list = append(list, map[string]any{"name": t.name, "language": t.language, "status": t.status, "components": components, "id": "1"})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{key: list, "paging": map[string]any{}})
	}
}

func (f *fakeMeta) script(to string, answers ...http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next[to] = append(f.next[to], answers...)
}

func (f *fakeMeta) messagesGot() []fakeMessage {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.got
}

// coded answers with a code of Meta's.
func coded(status, code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		graphError(w, status, code, 0, "said of +"+customer, "the number (19) 95550-0142 is at fault")
	}
}
