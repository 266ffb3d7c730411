package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func evolutionBlock(g *gateway, more map[string]any) map[string]any {
	b := block(g.URL, map[string]any{"provider": "evolution", "instance": "studio aurora"})
	delete(b, "templates")
	for key, value := range more {
		b[key] = value
	}
	return b
}

func wahaBlock(g *gateway) map[string]any {
	b := block(g.URL, map[string]any{"provider": "waha"})
	delete(b, "templates")
	return b
}

func twilioBlock(g *gateway, sid string, more map[string]any) map[string]any {
	b := block("", map[string]any{
		"base_url": baseOf(g), "provider": "twilio", "account_sid": "AC1", "from": "+14155550100",
		"templates": map[string]any{"customer": map[string]any{"booked": map[string]any{"content_sid": map[string]string{"pt-BR": sid, "en": "HXen"}}}},
	})
	for key, value := range more {
		b[key] = value
	}
	return b
}

func baseOf(g *gateway) string {
	if g.Server == nil {
		return ""
	}
	return g.URL
}

func TestEvolution(t *testing.T) {
	g := newFakeEvolution(t)
	l := configured(t, evolutionBlock(g, nil))
	if err := l.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.Handle(t.Context(), event(t, "saved")); err != nil {
		t.Fatal(err)
	}
	if text := g.got[0]["text"].(string); g.got[0]["number"] != customer || !strings.HasPrefix(text, "Olá, João Otávio! Seu horário está marcado.") {
		t.Errorf("message = %v", g.got[0])
	}
	g.state = "close"
	if err := l.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "pair it") {
		t.Errorf("Check of a closed instance = %v", err)
	}
	wrong := evolutionBlock(g, map[string]any{"instance": "nobody"})
	if err := configured(t, wrong).Handle(t.Context(), event(t, "saved")); verdictOf(err) != "unavailable" {
		t.Errorf("a wrong instance = %v, want unavailable", err)
	}
	wrong = evolutionBlock(g, map[string]any{"token": "wrong"})
	if err := configured(t, wrong).Handle(t.Context(), event(t, "saved")); verdictOf(err) != "unavailable" {
		t.Errorf("a wrong key = %v, want unavailable", err)
	}
}

func TestEvolutionTemplate(t *testing.T) {
	g := newFakeEvolution(t)
	l := configured(t, evolutionBlock(g, map[string]any{"mode": "template", "templates": block("", nil)["templates"]}))
	if err := l.Handle(t.Context(), event(t, "saved")); err != nil {
		t.Fatal(err)
	}
	if g.got[0]["name"] != "agendamento_confirmado" || g.got[0]["language"] != "pt_BR" {
		t.Errorf("message = %v", g.got[0])
	}
}

func TestWahaAsksForTheChatOnce(t *testing.T) {
	g := newFakeWaha(t)
	l := configured(t, wahaBlock(g))
	if err := l.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.Handle(t.Context(), event(t, "saved")); err != nil {
			t.Fatal(err)
		}
	}
	if g.asked != 1 {
		t.Errorf("asked for the chat %d times, want once", g.asked)
	}
	// The server knows that this number is registered without its ninth digit.
	if got := g.got[1]["chatId"]; got != "551955500142@c.us" {
		t.Errorf("chat = %v", got)
	}
	g.state = "SCAN_QR_CODE"
	if err := l.Handle(t.Context(), event(t, "saved")); verdictOf(err) != "unavailable" || !strings.Contains(err.Error(), "SCAN_QR_CODE") {
		t.Errorf("a session that does not work = %v, want unavailable", err)
	}
	if err := l.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "SCAN_QR_CODE") {
		t.Errorf("Check = %v", err)
	}
}

// A question that got no answer sent nothing: that is no doubt.
func TestWahaQuestionWithoutAnswer(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"cut": cut, "gateway": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGatewayTimeout) },
	} {
		g := newFakeWaha(t)
		g.question = answer
		if err := configured(t, wahaBlock(g)).Handle(t.Context(), event(t, "saved")); verdictOf(err) != "retry" {
			t.Errorf("%s = %v, want one that is tried again", name, err)
		}
	}
}

func TestNumberWithoutWhatsApp(t *testing.T) {
	for name, l := range map[string]*Listener{
		"evolution": configured(t, evolutionBlock(newFakeEvolution(t), nil)), "waha": configured(t, wahaBlock(newFakeWaha(t))),
	} {
		err := l.Handle(t.Context(), event(t, "saved", "(19) 95550-0142", "(11) 98765-4321"))
		if verdictOf(err) != "permanent" || !strings.Contains(err.Error(), "no WhatsApp") || !strings.Contains(err.Error(), "+55119****4321") {
			t.Errorf("%s: %v, want a permanent error with the number masked", name, err)
		}
		noNumbers(t, err)
	}
}

func TestTwilio(t *testing.T) {
	g := newFakeTwilio(t)
	l := configured(t, twilioBlock(g, "HXpt", nil))
	if err := l.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.Handle(t.Context(), event(t, "saved")); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"To": "whatsapp:+" + customer, "From": "whatsapp:+14155550100", "ContentSid": "HXpt",
		"ContentVariables": `{"1":"João Otávio","2":"Limpeza de pele / hidratação","3":"terça-feira, 27/01/2026 às 14:15","4":"Studio Aurora"}`,
	}
	if diff := cmp.Diff(want, g.form[0]); diff != "" {
		t.Errorf("form (-want +got):\n%s", diff)
	}
	then := configured(t, twilioBlock(g, "HXpt", map[string]any{"mode": "text_then_template", "from": "MG1"}))
	if err := then.Handle(t.Context(), event(t, "saved")); err != nil {
		t.Fatal(err)
	}
	if g.form[1]["ContentSid"] != "HXpt" || g.form[1]["MessagingServiceSid"] != "MG1" {
		t.Errorf("outside of the window %v was sent, want the template", g.form[1])
	}
	g.exists["open"] = "yes"
	if err := then.Handle(t.Context(), event(t, "saved")); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(g.form[2]["Body"], "Seu horário está marcado") {
		t.Errorf("inside of the window %v was sent, want the text", g.form[2])
	}
}

func TestTwilioCheck(t *testing.T) {
	tests := []struct {
		name, sid, says string
		more            map[string]any
	}{
		{"not approved", "HXno", "not approved", nil},
		{"another number of values", "HX3", "has 3 values, and the configuration gives 4", nil},
		{"another language", "HXen", "is in en", nil},
		{"none", "HX404", "does not exist", nil},
		{"a wrong token", "HXpt", "account_sid and token", map[string]any{"token": "wrong"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := configured(t, twilioBlock(newFakeTwilio(t), tt.sid, tt.more)).Check(t.Context())
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Check = %v, want it to say %q", err, tt.says)
			}
		})
	}
}

func TestEveryCodeOfTwilio(t *testing.T) {
	groups := []struct {
		class class
		after time.Duration
		codes []int
	}{
		{window, 0, []int{63016}},
		{slow, 30 * time.Second, []int{63018, 20429, 63017}},
		{slow, time.Hour, []int{63038}},
		{retry, time.Minute, []int{30001, 30022, 63010}},
		{retry, 6 * time.Hour, []int{63049, 63032}},
		{permanent, 0, []int{63003, 63024, 63015, 63031, 63033, 21211, 21214, 21217, 21266, 21614, 21612, 21408, 21610}},
		{unavailable, 0, []int{20003, 20005, 20008, 20404, 63007, 21212, 21606, 21701, 21703}},
		{unavailable, time.Hour, []int{63002, 63020, 63051}},
		{badTemplate, 6 * time.Hour, []int{63027, 63028, 63040, 63041, 63042, 21655, 21656}},
	}
	for _, g := range groups {
		for _, code := range g.codes {
			f := newFakeTwilio(t)
			f.next = func(w http.ResponseWriter, _ *http.Request) {
				twilioError(w, 400, code, "The 'To' number whatsapp:+"+customer+" is at fault")
			}
			_, got := configured(t, twilioBlock(f, "HXpt", nil)).provider.sendText(t.Context(), "+"+customer, "x")
			if got == nil || got.class != g.class || got.after != g.after {
				t.Errorf("code %d = %+v, want class %d after %s", code, got, g.class, g.after)
				continue
			}
			noNumbers(t, fmt.Errorf("%s", got.what))
		}
	}
}

// The statuses of the providers that have no codes.
func TestEveryStatusOfTheGateways(t *testing.T) {
	common := func(status int) class {
		switch {
		case status == 429:
			return slow
		case status < 400, status == 401, status == 403, status == 404:
			return unavailable
		case status == 504:
			return unknown
		case status == 400:
			return permanent
		}
		return retry
	}
	tests := []struct {
		name string
		make func(*testing.T) (*gateway, *Listener)
		want func(int) class
	}{
		{"evolution", func(t *testing.T) (*gateway, *Listener) {
			g := newFakeEvolution(t)
			return g, configured(t, evolutionBlock(g, nil))
		}, func(status int) class {
			if status == 500 {
				return unknown
			}
			return common(status)
		}},
		{"waha", func(t *testing.T) (*gateway, *Listener) { g := newFakeWaha(t); return g, configured(t, wahaBlock(g)) }, func(status int) class {
			if status == 422 {
				return permanent
			}
			return common(status)
		}},
		{"twilio", func(t *testing.T) (*gateway, *Listener) {
			g := newFakeTwilio(t)
			return g, configured(t, twilioBlock(g, "HXpt", nil))
		}, func(status int) class {
			if status == 400 {
				return retry // Twilio has a code for everything: this came from elsewhere
			}
			return common(status)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, l := tt.make(t)
			for status := 300; status < 600; status++ {
				g.next = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
				_, got := l.provider.sendText(t.Context(), "+"+customer, "x")
				if got == nil || got.class != tt.want(status) {
					t.Errorf("status %d = %+v, want class %d", status, got, tt.want(status))
				}
			}
		})
	}
}

func TestEvolutionConnectionClosed(t *testing.T) {
	for _, status := range []int{400, 500} {
		g := newFakeEvolution(t)
		g.next = func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"status":%d,"error":"x","response":{"message":["Connection Closed"]}}`, status)
		}
		if err := configured(t, evolutionBlock(g, nil)).Handle(t.Context(), event(t, "saved")); verdictOf(err) != "unavailable" {
			t.Errorf("%d = %v, want unavailable", status, err)
		}
	}
}

// An answer without an id is a message in doubt, whoever gives it.
func TestAnswerWithoutAnID(t *testing.T) {
	evo, wa, tw := newFakeEvolution(t), newFakeWaha(t), newFakeTwilio(t)
	for name, l := range map[string]*Listener{
		"evolution": configured(t, evolutionBlock(evo, nil)), "waha": configured(t, wahaBlock(wa)), "twilio": configured(t, twilioBlock(tw, "HXpt", nil)),
	} {
		for _, g := range []*gateway{evo, wa, tw} {
			g.next = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); fmt.Fprint(w, "{}") }
		}
		if _, got := l.provider.sendText(t.Context(), "+"+customer, "x"); got == nil || got.class != unknown {
			t.Errorf("%s = %+v, want class %d", name, got, unknown)
		}
	}
}

// Templates are read at an address of their own, unless base_url says otherwise.
func TestWhereTwilioKeepsTemplates(t *testing.T) {
	for base, want := range map[string]string{"": "https://content.twilio.com", "https://twilio.example.com": "https://twilio.example.com"} {
		l := configured(t, twilioBlock(&gateway{}, "HXpt", map[string]any{"base_url": base}))
		if got := l.provider.(*twilioAPI).content.base.String(); got != want {
			t.Errorf("with base_url %q templates are read from %s, want %s", base, got, want)
		}
	}
}

func TestWahaForgets(t *testing.T) {
	g := newFakeWaha(t)
	l := configured(t, wahaBlock(g))
	w := l.provider.(*wahaAPI)
	for i := range maxChats {
		w.chats[fmt.Sprint(i)] = "x"
	}
	if err := l.Handle(t.Context(), event(t, "saved")); err != nil {
		t.Fatal(err)
	}
	if len(w.chats) != 1 {
		t.Errorf("%d chats are remembered, want 1", len(w.chats))
	}
}
