package main

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"

	"github.com/earshot-host/earshot/sdk/appointment"
)

// maxText is how many characters a text message may have.
const maxText = 4096

//go:embed texts/*.json
var shipped embed.FS

// texts are what is written, by locale, audience and what happened.
type texts map[string]map[string]map[appointment.Kind]*template.Template

// words are what a language needs besides its texts.
type words struct {
	weekdays [7]string
	// at stands between date and time.
	at string
}

// locales lists the languages that the listener writes.
func locales() []string { return []string{"pt-BR", "en"} }

// matchLocale finds the locale for a BCP 47 tag: its own, else one of the same
// language. It is empty if there is none.
func matchLocale(tag string) string {
	for _, l := range locales() {
		if strings.EqualFold(l, tag) {
			return l
		}
	}
	language, _, _ := strings.Cut(strings.ToLower(tag), "-")
	for _, l := range locales() {
		if own, _, _ := strings.Cut(strings.ToLower(l), "-"); own == language {
			return l
		}
	}
	return ""
}

func wordsOf(locale string) words {
	if locale == "pt-BR" {
		return words{[7]string{"domingo", "segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira", "sábado"}, " às "}
	}
	return words{[7]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}, " at "}
}

// readTexts loads the shipped texts and puts the configured ones over them.
func (c *config) readTexts(fault faultFunc) {
	c.texts = make(texts)
	for _, locale := range locales() {
		data, err := shipped.ReadFile("texts/" + locale + ".json")
		var all map[string]map[string]string
		if err == nil {
			err = json.Unmarshal(data, &all)
		}
		if err != nil {
			fault("texts."+locale, "the shipped texts cannot be read: %w", err)
			continue
		}
		c.texts[locale] = make(map[string]map[appointment.Kind]*template.Template)
		for _, audience := range []string{toCustomer, toProvider} {
			c.texts[locale][audience] = make(map[appointment.Kind]*template.Template)
			c.addTexts(locale, audience, all[audience], fault)
		}
	}
	for _, locale := range slices.Sorted(maps.Keys(c.Texts)) {
		if c.texts[locale] == nil {
			fault("texts."+locale, "is unknown: the listener writes %s", strings.Join(locales(), " and "))
			continue
		}
		for _, audience := range slices.Sorted(maps.Keys(c.Texts[locale])) {
			if c.texts[locale][audience] == nil {
				fault("texts."+locale+"."+audience, "is unknown: use customer or provider")
				continue
			}
			c.addTexts(locale, audience, c.Texts[locale][audience], fault)
		}
	}
}

func (c *config) addTexts(locale, audience string, all map[string]string, fault faultFunc) {
	for _, kind := range slices.Sorted(maps.Keys(all)) {
		path := fmt.Sprintf("texts.%s.%s.%s", locale, audience, kind)
		if !isKind(kind) {
			fault(path, "is unknown: use booked, changed or cancelled")
			continue
		}
		if t := compile(path, all[kind], fault); t != nil {
			c.texts[locale][audience][appointment.Kind(kind)] = t
		}
	}
}

func isKind(kind string) bool {
	switch appointment.Kind(kind) {
	case appointment.Booked, appointment.Changed, appointment.Cancelled:
		return true
	}
	return false
}

// compile parses text and tries it out, so that a wrong name shows with the
// configuration and not with the first customer.
func compile(path, text string, fault faultFunc) *template.Template {
	t, err := template.New(path).Parse(text)
	if err == nil {
		_, err = render(t, view{})
	}
	if err != nil {
		fault(path, "%v: it may use {{.FirstName}} {{.Customer}} {{.Provider}} {{.Service}} {{.Company}} {{.Location}} "+
			"{{.When}} {{.Weekday}} {{.Date}} {{.Time}} {{.Reason}} {{.Status}} {{.Link}} {{.Hash}}", err)
		return nil
	}
	return t
}

func render(t *template.Template, v view) (string, error) {
	var b strings.Builder
	err := t.Execute(&b, v)
	return b.String(), err
}

// text is the text message for a recipient.
func (c *config) text(kind appointment.Kind, who recipient, v view) (string, error) {
	s, err := render(c.texts[who.locale][who.audience][kind], v)
	if err != nil {
		return "", fmt.Errorf("write the text: %w", err)
	}
	return clip(strings.TrimSpace(s), maxText), nil
}
