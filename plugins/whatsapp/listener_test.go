package main

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/earshot-host/earshot/sdk"
	"github.com/earshot-host/earshot/sdk/appointment"
	"github.com/google/go-cmp/cmp"
)

func TestTemplateIsSent(t *testing.T) {
	f := newFakeMeta(t)
	l := configured(t, block(f.URL, nil))
	ev := event(t, "saved", "Jo\\u00e3o", "  Ana\\n\\tMaria   ")
	for range 2 { // the second time there is a receipt
		if err := l.Handle(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
	}
	got := f.messagesGot()
	if len(got) != 1 {
		t.Fatalf("%d messages, want 1", len(got))
	}
	m := got[0]
	var values []string
	for _, p := range m.Template.Components[0].Parameters {
		values = append(values, p.Text)
	}
	want := []string{"Ana Maria Otávio", "Limpeza de pele / hidratação", "terça-feira, 27/01/2026 às 14:15", "Studio Aurora"}
	if diff := cmp.Diff(want, values); diff != "" || m.To != customer || m.Template.Language.Code != "pt_BR" {
		t.Errorf("to %s in %s (-want +got):\n%s", m.To, m.Template.Language.Code, diff)
	}
}

func TestEveryPartOfATemplate(t *testing.T) {
	f := newFakeMeta(t)
	parts := map[string]any{"templates": map[string]any{"customer": map[string]any{"booked": map[string]any{
		"name": "com_botao", "header": "{{.Company}}", "header_name": "company",
		"named":   map[string]string{"customer_name": "{{.FirstName}}", "service": "{{.Service}}"},
		"buttons": []any{map[string]any{"type": "url", "index": 0, "value": "{{.Hash}}?d={{.Date}}"}},
	}}}, "languages": map[string]string{"pt-BR": "pt_BR"}}
	l := configured(t, block(f.URL, parts))
	// A header takes 60 characters.
	long := event(t, "saved", `"company_name":"Studio Aurora"`, `"company_name":"`+strings.Repeat("Aurora ", 12)+`"`)
	if err := l.Handle(t.Context(), long); err != nil {
		t.Fatal(err)
	}
	if err := l.Check(t.Context()); err != nil {
		t.Errorf("Check = %v", err)
	}
	got := f.messagesGot()[0].Template.Components
	if b := got[2]; b.SubType != "url" || *b.Index != "0" || b.Parameters[0].Text != "q7WmT2xZr0Ka%3Fd=27%2F01%2F2026" {
		t.Errorf("button = %+v", b)
	}
}

// Whoever has no name still gets a message: WhatsApp refuses empty values.
func TestEmptyValueIsADash(t *testing.T) {
	f := newFakeMeta(t)
	l := configured(t, block(f.URL, nil))
	if err := l.Handle(t.Context(), event(t, "saved", "Jo\\u00e3o Ot\\u00e1vio", "")); err != nil {
		t.Fatal(err)
	}
	if got := f.messagesGot()[0].Template.Components[0].Parameters[0].Text; got != "-" {
		t.Errorf("first value = %q, want a dash", got)
	}
}

func TestModes(t *testing.T) {
	tests := []struct {
		mode string
		open bool
		want string
	}{
		{"template", false, "template"}, {"template", true, "template"},
		{"text", true, "text"}, {"text", false, "permanent"},
		{"text_then_template", true, "text"}, {"text_then_template", false, "template"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.mode, " ", tt.open), func(t *testing.T) {
			f := newFakeMeta(t)
			f.open[customer] = tt.open
			l := configured(t, block(f.URL, map[string]any{"mode": tt.mode}))
			err := l.Handle(t.Context(), event(t, "saved"))
			got := verdictOf(err)
			if err == nil {
				got = f.messagesGot()[0].Type
			}
			if got != tt.want {
				t.Errorf("got %s (%v), want %s", got, err, tt.want)
			}
		})
	}
}

func TestTwoAudiences(t *testing.T) {
	const provider = "5511955500107"
	both := map[string]any{"audiences": []string{"customer", "provider"}, "templates": map[string]any{
		"customer": map[string]any{"booked": map[string]any{"name": "agendamento_confirmado"}},
		"provider": map[string]any{"booked": map[string]any{"name": "agenda_nova"}},
	}}
	for _, tt := range []struct {
		failing string
		code    int
		want    string
	}{
		{customer, 131000, "retry"}, {provider, 131000, "retry"},
		{customer, 131026, "permanent"}, {provider, 131026, "permanent"},
		{customer, 190, "unavailable"},
	} {
		t.Run(fmt.Sprint(tt.failing, " ", tt.code), func(t *testing.T) {
			f := newFakeMeta(t)
			f.script(tt.failing, coded(500, tt.code))
			l := configured(t, block(f.URL, both))
			ev := event(t, "saved")
			if err := l.Handle(t.Context(), ev); verdictOf(err) != tt.want {
				t.Errorf("first attempt = %v, want %s", err, tt.want)
			}
			// A token that is refused is refused for everybody.
			if want := map[bool]int{true: 1, false: 2}[tt.want == "unavailable"]; f.calls != want {
				t.Errorf("%d calls, want %d", f.calls, want)
			}
			if err := l.Handle(t.Context(), ev); err != nil {
				t.Errorf("second attempt = %v", err)
			}
			seen := map[string]int{}
			for _, m := range f.messagesGot() {
				seen[m.To]++
			}
			if seen[customer] != 1 || seen[provider] != 1 {
				t.Errorf("messages per recipient = %v, want one each", seen)
			}
		})
	}
}

func TestSkipped(t *testing.T) {
	field := map[string]any{"consent": map[string]any{"mode": "field", "field": "custom_field_2", "values": []string{"Sim"}}}
	tests := []struct {
		name   string
		block  map[string]any
		change []string
		says   string // empty: a message is sent
	}{
		{"no number", nil, []string{`"(19) 95550-0142"`, `""`}, "no phone number"},
		{"null", nil, []string{`"(19) 95550-0142"`, `null`}, "no phone number"},
		{"not agreed", field, nil, "has not agreed"},
		{"agreed", field, []string{`"custom_field_2":""`, `"custom_field_2":" sim"`}, ""},
		{"agreed otherwise", field, []string{`"custom_field_2":""`, `"custom_field_2":"talvez"`}, "has not agreed"},
		{"a change without a template", nil, []string{`"manage_mode":false`, `"manage_mode":true`}, "templates.customer.changed"},
		{"the provider wants none", map[string]any{"audiences": []string{"provider"}, "mode": "text"}, []string{`"notifications":"1"`, `"notifications":"0"`}, "wants no notifications"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFakeMeta(t)
			l := configured(t, block(f.URL, tt.block))
			err := l.Handle(t.Context(), event(t, "saved", tt.change...))
			if tt.says == "" && err != nil || tt.says != "" && (verdictOf(err) != "skip" || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("Handle = %v, want a skip about %q", err, tt.says)
			}
			if want := len(f.messagesGot()) == 1; want != (tt.says == "") {
				t.Errorf("%d messages", len(f.messagesGot()))
			}
		})
	}
}

func TestPermanent(t *testing.T) {
	tests := []struct{ name, event, from, to, says string }{
		{"a number that is none", "saved", `"(19) 95550-0142"`, `"99999"`, "not a phone number"},
		{"two numbers", "saved", `"(19) 95550-0142"`, `"(19) 95550-0142 / 95550-0143"`, "not a phone number"},
		{"no time", "saved", `2026-01-27 14:15:00`, `soon`, "start_datetime"},
		{"another event", "saved", `"event":"appointment.saved"`, `"event":"customer.saved"`, "route only"},
		{"cut", "saved", `,"manage_mode":false`, ``, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFakeMeta(t)
			ev := event(t, tt.event, tt.from, tt.to)
			if tt.name == "cut" {
				ev.Payload = ev.Payload[:2000]
			}
			err := configured(t, block(f.URL, nil)).Handle(t.Context(), ev)
			if !sdk.IsPermanent(err) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Handle = %v, want a permanent error about %q", err, tt.says)
			}
			if f.calls != 0 {
				t.Errorf("%d calls of the provider", f.calls)
			}
			noNumbers(t, err)
		})
	}
}

func TestDryRunSendsNothing(t *testing.T) {
	f := newFakeMeta(t)
	ev := event(t, "saved")
	ev.DryRun = true
	if err := configured(t, block(f.URL, nil)).Handle(t.Context(), ev); err != nil {
		t.Fatal(err)
	}
	if f.calls != 0 {
		t.Errorf("%d calls of the provider", f.calls)
	}
}

// cut takes the message and lets the answer get lost.
func cut(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }

// stall takes the message and never answers.
func stall(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func TestAmbiguous(t *testing.T) {
	nonsense := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>welcome to the hotel</html>") }
	gateway := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGatewayTimeout) }
	for name, answer := range map[string]http.HandlerFunc{"cut": cut, "stall": stall, "nonsense": nonsense, "gateway": gateway} {
		for _, policy := range []string{"hold", "resend"} {
			t.Run(name+" "+policy, func(t *testing.T) {
				f := newFakeMeta(t)
				f.script(customer, answer)
				l := configured(t, block(f.URL, map[string]any{"ambiguous": policy, "timeout": "200ms"}))
				err := l.Handle(t.Context(), event(t, "saved"))
				if want := policy == "hold"; err == nil || sdk.IsPermanent(err) != want {
					t.Errorf("Handle = %v, want permanent %t", err, want)
				}
				if policy == "hold" && !strings.Contains(err.Error(), "may have been sent") {
					t.Errorf("Handle = %v, want it to say that the message may have been sent", err)
				}
				noNumbers(t, err)
			})
		}
	}
}

func TestRedelivered(t *testing.T) {
	for policy, want := range map[string]string{"hold": "permanent", "resend": "delivered"} {
		f := newFakeMeta(t)
		l := configured(t, block(f.URL, map[string]any{"ambiguous": policy}))
		ev := event(t, "saved")
		ev.Redelivered = true
		if err := l.Handle(t.Context(), ev); verdictOf(err) != want {
			t.Errorf("%s: Handle = %v, want %s", policy, err, want)
		}
	}
}

// A message in doubt stays held when another recipient makes the event come back.
func TestDoubtOutlivesAnotherRecipientsRetry(t *testing.T) {
	f := newFakeMeta(t)
	f.script(customer, cut)
	f.script("5511955500107", coded(503, 131016))
	l := configured(t, block(f.URL, map[string]any{"audiences": []string{"customer", "provider"}, "templates": map[string]any{
		"customer": map[string]any{"booked": map[string]any{"name": "agendamento_confirmado"}},
		"provider": map[string]any{"booked": map[string]any{"name": "agenda_nova"}},
	}}))
	ev := event(t, "saved")
	if err := l.Handle(t.Context(), ev); err == nil || sdk.IsPermanent(err) {
		t.Fatalf("first attempt = %v, want one that comes back", err)
	}
	if err := l.Handle(t.Context(), ev); !sdk.IsPermanent(err) {
		t.Errorf("second attempt = %v, want permanent", err)
	}
	if got := f.messagesGot(); len(got) != 1 || got[0].To == customer {
		t.Errorf("messages = %+v, want one to the provider", got)
	}
}

// Nothing was sent where there was no connection: that is no doubt.
func TestNoConnectionIsTriedAgain(t *testing.T) {
	f := newFakeMeta(t)
	f.Close()
	err := configured(t, block(f.URL, nil)).Handle(t.Context(), event(t, "saved"))
	if err == nil || sdk.IsPermanent(err) {
		t.Errorf("Handle = %v, want an error that is tried again", err)
	}
}

func TestReasonTellsNoAddress(t *testing.T) {
	f := newFakeMeta(t)
	f.Close()
	err := configured(t, block(f.URL, nil)).Handle(t.Context(), event(t, "saved"))
	if err == nil || strings.Contains(err.Error(), "1065") || !strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("Handle = %v, want the host and not the path", err)
	}
}

// The token goes to the provider and to nobody that it points to.
func TestRedirectsAreNotFollowed(t *testing.T) {
	f := newFakeMeta(t)
	f.script(customer, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, f.URL+"/v25.0/1065/messages", http.StatusTemporaryRedirect)
	})
	err := configured(t, block(f.URL, nil)).Handle(t.Context(), event(t, "saved"))
	if verdictOf(err) != "unavailable" || f.calls != 1 {
		t.Errorf("Handle = %v after %d calls, want unavailable after 1", err, f.calls)
	}
}

func TestCodeOneIsTriedTwice(t *testing.T) {
	f := newFakeMeta(t)
	l := configured(t, block(f.URL, nil))
	for attempt, want := range []string{"retry", "permanent"} {
		f.script(customer, coded(500, 1))
		ev := event(t, "saved")
		ev.Attempt = attempt + 1
		if err := l.Handle(t.Context(), ev); verdictOf(err) != want {
			t.Errorf("attempt %d = %v, want %s", ev.Attempt, err, want)
		}
	}
}

// Who reads a language without templates gets those of the default, in its words.
func TestLanguageWithoutTemplates(t *testing.T) {
	f := newFakeMeta(t)
	l := configured(t, block(f.URL, map[string]any{"languages": map[string]string{"pt-BR": "pt_BR"}}))
	if err := l.Handle(t.Context(), event(t, "saved", `"language":"portuguese-br"`, `"language":"english"`)); err != nil {
		t.Fatal(err)
	}
	got := f.messagesGot()[0].Template
	if when := got.Components[0].Parameters[2].Text; got.Language.Code != "pt_BR" || !strings.HasPrefix(when, "terça-feira") {
		t.Errorf("language %s with %q, want pt_BR with a Portuguese weekday", got.Language.Code, when)
	}
}

func TestLineEndsOfTheConfigurationAreSquashed(t *testing.T) {
	f := newFakeMeta(t)
	l := configured(t, block(f.URL, named("agendamento_confirmado", map[string]any{"body": []string{"a\n\tb", "{{.Service}}     x", "c", "d"}})))
	if err := l.Handle(t.Context(), event(t, "saved")); err != nil {
		t.Fatal(err)
	}
}

// A second message to the same number comes back when it is its turn.
func TestPerRecipient(t *testing.T) {
	f := newFakeMeta(t)
	l := configured(t, block(f.URL, map[string]any{"per_recipient": "10m"}))
	if err := l.Handle(t.Context(), event(t, "saved")); err != nil {
		t.Fatal(err)
	}
	if err := l.Handle(t.Context(), event(t, "saved")); verdictOf(err) != "retry" || !strings.Contains(err.Error(), "per_recipient") {
		t.Errorf("second message = %v, want one that comes back", err)
	}
	if err := l.Handle(t.Context(), event(t, "saved", "(19) 95550-0142", "(11) 98765-4321")); err != nil {
		t.Errorf("another number = %v", err)
	}
	if f.calls != 2 {
		t.Errorf("%d calls, want 2", f.calls)
	}
}

// A receipt names nobody, and does not lead from one event to another.
func TestReceiptKeys(t *testing.T) {
	l := configured(t, block("http://127.0.0.1", map[string]any{"audiences": []string{"customer", "provider"}, "mode": "text"}))
	seen := map[string]string{}
	for what, change := range map[string][]string{"": nil, "another number": {"(19) 95550-0142", "(11) 98765-4321"}} {
		for _, key := range []string{"ev12.whatsapp", "ev13.whatsapp"} {
			ev := event(t, "saved", change...)
			ev.IdempotencyKey = key
			p := &appointment.Payload{}
			if err := ev.Decode(p); err != nil {
				t.Fatal(err)
			}
			list, _ := l.cfg.recipients(ev, p)
			for _, who := range list {
				name := what + " " + key
				if who.audience == toProvider {
					name = key // the provider's number is the same
				}
				if old, ok := seen[who.key]; ok && old != name {
					t.Errorf("%s and %s have the key %s", old, name, who.key)
				}
				seen[who.key] = name
				if strings.Contains(who.key, who.number[5:]) || len(who.key) != len(who.audience)+17 {
					t.Errorf("key %s", who.key)
				}
			}
		}
	}
	if len(seen) != 6 {
		t.Errorf("%d keys, want 6: two numbers and one, in two events", len(seen))
	}
}

// noNumbers fails if an error tells a phone number, the token or a name.
func noNumbers(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if m := regexp.MustCompile(`\d{8,}|95550|0142 /|t0ken|Ot.vio`).FindString(err.Error()); m != "" {
		t.Errorf("the error tells %q: %v", m, err)
	}
}
