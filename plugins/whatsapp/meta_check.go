package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/earshot-host/earshot/sdk"
)

// remoteTemplate is a template as Meta keeps it.
type remoteTemplate struct {
	Name       string `json:"name"`
	Language   string `json:"language"`
	Status     string `json:"status"`
	Components []struct {
		Type    string `json:"type"`
		Format  string `json:"format"`
		Text    string `json:"text"`
		Buttons []struct {
			Type string `json:"type"`
			URL  string `json:"url"`
		} `json:"buttons"`
	} `json:"components"`
}

// check reads the number and the templates.
func (m *meta) check(ctx context.Context) error {
	if m.cfg.Provider == cloud {
		a, f := m.get(ctx, "/"+m.cfg.APIVersion+"/"+escape(m.cfg.PhoneNumberID)+"?fields=display_phone_number,verified_name,quality_rating")
		if f == nil && !a.ok() {
			f = metaFailure(a)
		}
		if f != nil {
			return fmt.Errorf("read the number: %s", f.what)
		}
	}
	if m.cfg.Mode == modeText {
		return m.checkHealth(ctx)
	}
	if m.cfg.Provider == cloud && m.cfg.BusinessAccountID == "" {
		sdk.Logger(ctx).Warn("the templates were not checked: set business_account_id")
		return nil
	}
	var faults []error
	for _, w := range m.cfg.wanted() {
		found, err := m.templates(ctx, w.name)
		if err != nil {
			return err
		}
		if err := w.fits(found); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// checkHealth proves 360dialog's key where no template is there to do it.
func (m *meta) checkHealth(ctx context.Context) error {
	if m.cfg.Provider != dialog360 {
		return nil
	}
	a, f := m.get(ctx, "/health_status")
	if f == nil && !a.ok() {
		f = metaFailure(a)
	}
	if f != nil {
		return fmt.Errorf("read the health of the number: %s", f.what)
	}
	var said struct {
		Health struct {
			CanSend string `json:"can_send_message"`
		} `json:"health_status"`
	}
	a.read(&said)
	if said.Health.CanSend == "BLOCKED" {
		return errors.New("360dialog says that the number may not send: see its hub for the reason")
	}
	return nil
}

// templates lists what the provider has under a name.
func (m *meta) templates(ctx context.Context, name string) ([]remoteTemplate, error) {
	path := "/v1/configs/templates?limit=1000"
	if m.cfg.Provider == cloud {
		path = "/" + m.cfg.APIVersion + "/" + escape(m.cfg.BusinessAccountID) + "/message_templates?limit=100&fields=name,language,status,components&name=" + url.QueryEscape(name)
	}
	a, f := m.get(ctx, path)
	if f == nil && !a.ok() {
		f = metaFailure(a)
	}
	if f != nil {
		return nil, fmt.Errorf("read the templates: %s", f.what)
	}
	var said struct {
		Data []remoteTemplate `json:"data"`
		WABA []remoteTemplate `json:"waba_templates"`
	}
	a.read(&said)
	all := append(said.Data, said.WABA...)
	// Meta's filter also finds names that only contain the one asked for.
	return slices.DeleteFunc(all, func(t remoteTemplate) bool { return t.Name != name }), nil
}

// wanted is one template in one language, as the configuration fills it.
type wanted struct {
	path, name, language string
	body, header         int
	buttons              []int // the places of buttons with a changing address
	contentSID           string
}

// wanted lists each template in each language, in a stable order.
func (c *config) wanted() []wanted {
	var list []wanted
	for _, audience := range c.Audiences {
		for _, kind := range []string{"booked", "changed", "cancelled"} {
			t := c.Templates[audience][kind]
			if t == nil {
				continue
			}
			for _, locale := range locales() {
				if c.Languages[locale] == "" {
					continue
				}
				w := wanted{
					path: "templates." + audience + "." + kind, name: t.Name, language: c.Languages[locale],
					body: len(t.body), contentSID: t.ContentSID[locale],
				}
				if t.header != nil {
					w.header = 1
				}
				for _, b := range t.Buttons {
					if b.Type == "url" {
						w.buttons = append(w.buttons, b.Index)
					}
				}
				list = append(list, w)
			}
		}
	}
	return list
}

// fits compares with what the provider has.
func (w wanted) fits(found []remoteTemplate) error {
	fault := func(format string, args ...any) error {
		return sdk.At(w.path, fmt.Errorf("template %s (%s) %s", w.name, w.language, fmt.Sprintf(format, args...)))
	}
	var languages []string
	for _, t := range found {
		languages = append(languages, t.Language)
		if t.Language != w.language {
			continue
		}
		if !strings.EqualFold(t.Status, "APPROVED") {
			return fault("is %s, not APPROVED: see WhatsApp Manager", strings.ToUpper(t.Status))
		}
		return w.counts(t, fault)
	}
	if len(languages) > 0 {
		slices.Sort(languages)
		return fault("does not exist: the template has %s", strings.Join(languages, ", "))
	}
	return fault("does not exist: make it in WhatsApp Manager, or correct name")
}

// counts compares the number of values, part by part.
func (w wanted) counts(t remoteTemplate, fault func(string, ...any) error) error {
	body, header := 0, 0
	var buttons []int
	for _, c := range t.Components {
		switch strings.ToUpper(c.Type) {
		case "BODY":
			body = places(c.Text)
		case "HEADER":
			header = places(c.Text)
		case "BUTTONS":
			for i, b := range c.Buttons {
				if places(b.URL) > 0 {
					buttons = append(buttons, i)
				}
			}
		}
	}
	switch {
	case body != w.body:
		return fault("has %d values in its body, and the configuration gives %d", body, w.body)
	case header != w.header:
		return fault("has %d values in its header, and the configuration gives %d", header, w.header)
	case !slices.Equal(buttons, slices.Sorted(slices.Values(w.buttons))):
		return fault("has buttons with a changing address at %v, and the configuration fills those at %v", buttons, w.buttons)
	}
	return nil
}

// places counts the different {{…}} of a text.
func places(text string) int {
	seen := make(map[string]bool)
	for _, m := range regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`).FindAllStringSubmatch(text, -1) {
		seen[m[1]] = true
	}
	return len(seen)
}
