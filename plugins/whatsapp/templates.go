package main

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"text/template"

	"github.com/earshot-host/earshot/sdk/appointment"
)

// templateConfig is one template that the provider has approved.
type templateConfig struct {
	// Name is what the template is called at WhatsApp; twilio has ContentSID instead.
	Name string `json:"name"`
	// ContentSID is twilio's id of the template, by locale.
	ContentSID map[string]string `json:"content_sid"`
	// Body are the values of {{1}}, {{2}}, … in order; nil means the listener's
	// own list. Named are those of a template with names, in place of Body.
	Body  []string          `json:"body"`
	Named map[string]string `json:"named"`
	// Header is the value of the header's {{1}}, if it has one. A template with
	// names has one there as well: HeaderName.
	Header     string `json:"header"`
	HeaderName string `json:"header_name"`
	// Buttons are those with a changing part.
	Buttons []buttonConfig `json:"buttons"`

	body    []parameter
	header  *template.Template
	buttons []*template.Template
}

// buttonConfig is a button of a template.
type buttonConfig struct {
	// Type is url or quick_reply.
	Type string `json:"type" jsonschema:"enum=url,enum=quick_reply"`
	// Index is where the button stands, from 0.
	Index int `json:"index"`
	// Value is the end of the address, or what a reply carries.
	Value string `json:"value"`
}

// parameter is one value of a body; name is empty where places are numbered.
type parameter struct {
	name string
	text *template.Template
}

// filled is a template with the values for one recipient.
type filled struct {
	name, language, contentSID string
	body                       []value
	header                     value // without a text there is none
	buttons                    []button
}

type value struct{ name, text string }

type button struct {
	kind  string
	index int
	value string
}

// defaultBody is what a body without a list of its own is filled with.
func defaultBody(audience string) []string {
	if audience == toProvider {
		return []string{"{{.Customer}}", "{{.Service}}", "{{.When}}"}
	}
	return []string{"{{.FirstName}}", "{{.Service}}", "{{.When}}", "{{.Company}}"}
}

func (c *config) readTemplates(fault faultFunc) {
	if c.Mode == modeText {
		return
	}
	if len(c.Templates) == 0 {
		fault("templates", "is missing: WhatsApp lets a business write first only with an approved template; the README shows how to make one")
	}
	for _, audience := range slices.Sorted(maps.Keys(c.Templates)) {
		if audience != toCustomer && audience != toProvider {
			fault("templates."+audience, "is unknown: use customer or provider")
			continue
		}
		for _, kind := range slices.Sorted(maps.Keys(c.Templates[audience])) {
			path := "templates." + audience + "." + kind
			t := c.Templates[audience][kind]
			switch {
			case !isKind(kind):
				fault(path, "is unknown: use booked, changed or cancelled")
			case t == nil:
				fault(path, "is empty: name the template")
			default:
				c.readTemplate(path, audience, t, fault)
			}
		}
	}
	for _, audience := range c.Audiences {
		if len(c.Templates) > 0 && len(c.Templates[audience]) == 0 {
			fault("templates."+audience, "is missing: audiences names %s", audience)
		}
	}
}

func (c *config) readTemplate(path, audience string, t *templateConfig, fault faultFunc) {
	if c.Provider == twilio {
		for _, locale := range slices.Sorted(maps.Keys(c.Languages)) {
			if !strings.HasPrefix(t.ContentSID[locale], "HX") {
				fault(path+".content_sid."+locale, "is missing: name the content's SID (HX…), or take %s out of languages", locale)
			}
		}
	} else if t.Name == "" {
		fault(path+".name", "is missing: name the template as WhatsApp lists it")
	}
	if t.Body != nil && t.Named != nil {
		fault(path+".named", "cannot stand beside body: the template has either numbers or names")
	}
	if t.Body == nil && t.Named == nil {
		t.Body = defaultBody(audience)
	}
	for i, text := range t.Body {
		t.body = append(t.body, parameter{"", compile(fmt.Sprintf("%s.body[%d]", path, i), text, fault)})
	}
	for _, name := range slices.Sorted(maps.Keys(t.Named)) {
		t.body = append(t.body, parameter{name, compile(path+".named."+name, t.Named[name], fault)})
	}
	switch {
	case t.Header != "" && t.Named != nil && t.HeaderName == "":
		fault(path+".header_name", "is missing: a template with names has one for its header too")
	case t.HeaderName != "" && t.Named == nil:
		fault(path+".header_name", "belongs to a template with names: fill its body with named")
	}
	if t.Header != "" {
		t.header = compile(path+".header", t.Header, fault)
	}
	for i, b := range t.Buttons {
		at := fmt.Sprintf("%s.buttons[%d]", path, i)
		if b.Type != "url" && b.Type != "quick_reply" {
			fault(at+".type", "%q is unknown: use url or quick_reply", b.Type)
		}
		if b.Index < 0 || b.Index > 9 {
			fault(at+".index", "%d is not the place of a button: use 0 to 9", b.Index)
		}
		t.buttons = append(t.buttons, compile(at+".value", b.Value, fault))
	}
}

// templateLocale is the locale whose templates a reader of locale gets.
func (c *config) templateLocale(locale string) string {
	if c.Languages[locale] == "" {
		return c.DefaultLocale
	}
	return locale
}

// fill puts the values for a recipient into the template of what happened. It
// is nil if the configuration has none for it.
func (c *config) fill(kind appointment.Kind, who recipient, v view) (*filled, error) {
	t := c.Templates[who.audience][string(kind)]
	if t == nil {
		return nil, nil
	}
	f := &filled{name: t.Name, language: c.Languages[who.locale], contentSID: t.ContentSID[who.locale]}
	for _, p := range t.body {
		text, err := fillOne(p.text, v)
		if err != nil {
			return nil, err
		}
		f.body = append(f.body, value{p.name, text})
	}
	if t.header != nil {
		text, err := fillOne(t.header, v)
		if err != nil {
			return nil, err
		}
		f.header = value{t.HeaderName, clip(text, maxHeader)}
	}
	for i, b := range t.buttons {
		text, err := fillOne(b, v)
		if err != nil {
			return nil, err
		}
		if t.Buttons[i].Type == "url" {
			text = url.PathEscape(text)
		}
		f.buttons = append(f.buttons, button{t.Buttons[i].Type, t.Buttons[i].Index, text})
	}
	return f, nil
}

// fillOne renders one value. WhatsApp refuses an empty one, so a dash stands for it.
func fillOne(t *template.Template, v view) (string, error) {
	s, err := render(t, v)
	if err != nil {
		return "", fmt.Errorf("fill the template: %w", err)
	}
	if s = squash(s); s == "" {
		s = "-"
	}
	return s, nil
}
