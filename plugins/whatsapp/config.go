package main

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/earshot-host/earshot/sdk"
	"github.com/earshot-host/earshot/sdk/appointment"
	"github.com/nyaruka/phonenumbers"
	"golang.org/x/net/http/httpguts"
)

// config is the block of events.yaml.
type config struct {
	// Provider is cloud, 360dialog, evolution, waha or twilio.
	Provider string `json:"provider" jsonschema:"required,enum=cloud,enum=360dialog,enum=evolution,enum=waha,enum=twilio"`
	// BaseURL is the provider's own if empty; evolution and waha need it.
	BaseURL string     `json:"base_url"`
	Token   sdk.Secret `json:"token" jsonschema:"required"`

	// For cloud. BusinessAccountID lets Check read the templates.
	APIVersion        string `json:"api_version"`
	PhoneNumberID     string `json:"phone_number_id"`
	BusinessAccountID string `json:"business_account_id"`
	// Instance is for evolution, Session for waha.
	Instance string `json:"instance"`
	Session  string `json:"session"`
	// AccountSID and From are for twilio; From is a number or a messaging service.
	AccountSID string `json:"account_sid"`
	From       string `json:"from"`

	// Mode is template, text or text_then_template.
	Mode string `json:"mode" jsonschema:"enum=template,enum=text,enum=text_then_template"`
	// Templates are by audience and by what happened: customer, then booked.
	Templates map[string]map[string]*templateConfig `json:"templates"`
	// Texts replace the listener's own, by locale, audience and what happened.
	Texts map[string]map[string]map[string]string `json:"texts"`
	// Languages says which locales have templates, and what WhatsApp calls them.
	Languages     map[string]string `json:"languages"`
	DefaultLocale string            `json:"default_locale"`

	DefaultRegion   string `json:"default_region" jsonschema:"required"`
	FixBRNinthDigit bool   `json:"fix_br_ninth_digit"`
	DefaultTimezone string `json:"default_timezone"`

	Audiences []string      `json:"audiences"`
	Consent   consentConfig `json:"consent"`

	AppURL string `json:"app_url"`
	// IndexPage is the part between AppURL and the page: nil means index.php.
	IndexPage *string `json:"index_page"`

	// Ambiguous is hold or resend: what becomes of a message that may have been sent.
	Ambiguous string `json:"ambiguous" jsonschema:"enum=hold,enum=resend"`
	// PerRecipient is the least time between two messages to one number.
	PerRecipient sdk.Duration `json:"per_recipient"`
	// Timeout bounds one call of the provider.
	Timeout sdk.Duration `json:"timeout"`

	base  *url.URL
	zone  *time.Location
	texts texts
}

// The providers, and the ways of writing to somebody.
const (
	cloud     = "cloud"
	dialog360 = "360dialog"
	evolution = "evolution"
	waha      = "waha"
	twilio    = "twilio"

	modeTemplate         = "template"
	modeText             = "text"
	modeTextThenTemplate = "text_then_template"
)

// readConfig checks all of the block and reports every fault it finds at once.
func readConfig(cfg sdk.Config) (*config, error) {
	c := &config{
		APIVersion: "v25.0", Session: "default", DefaultLocale: "en", FixBRNinthDigit: true,
		Ambiguous: "hold", PerRecipient: sdk.Duration(6 * time.Second), Timeout: sdk.Duration(15 * time.Second),
	}
	if err := cfg.Decode(c); err != nil {
		return nil, err
	}
	var faults []error
	fault := func(path, format string, args ...any) {
		faults = append(faults, sdk.At(path, fmt.Errorf(format, args...)))
	}
	c.readProvider(fault)
	c.readMode(fault)
	c.readPeople(fault)
	c.readPlaces(cfg.Timezone, fault)
	if c.Ambiguous != "hold" && c.Ambiguous != "resend" {
		fault("ambiguous", "%q is unknown: use hold or resend", c.Ambiguous)
	}
	if c.Timeout == 0 {
		fault("timeout", "is zero: a call needs time, such as 15s")
	}
	c.readTexts(fault)
	c.readTemplates(fault)
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return c, nil
}

type faultFunc func(path, format string, args ...any)

func (c *config) readProvider(fault faultFunc) {
	bases := map[string]string{
		cloud: "https://graph.facebook.com", dialog360: "https://waba-v2.360dialog.io",
		evolution: "", waha: "", twilio: "https://api.twilio.com",
	}
	base, ok := bases[c.Provider]
	if !ok {
		fault("provider", "%q is unknown: use one of cloud, 360dialog, evolution, waha, twilio", c.Provider)
		return
	}
	c.readBase(base, fault)
	need := func(key, value, what string) {
		if value == "" {
			fault(key, "is missing: %s needs %s", c.Provider, what)
		}
	}
	// A file that holds a token mostly ends with a line end.
	c.Token = sdk.NewSecret(strings.TrimSpace(c.Token.Reveal()))
	if !httpguts.ValidHeaderFieldValue(c.Token.Reveal()) {
		fault("token", "has characters that no token has")
	}
	need("token", c.Token.Reveal(), map[string]string{
		cloud: "the token of a system user", dialog360: "the API key", evolution: "the API key",
		waha: "the API key", twilio: "the auth token",
	}[c.Provider])
	switch c.Provider {
	case cloud:
		need("phone_number_id", c.PhoneNumberID, "the id of the number (not the number)")
		if !regexp.MustCompile(`^v\d+\.\d+$`).MatchString(c.APIVersion) {
			fault("api_version", "%q is not a version like v25.0", c.APIVersion)
		}
	case evolution:
		need("instance", c.Instance, "the name of the instance")
	case waha:
		need("session", c.Session, "the name of the session")
	case twilio:
		need("account_sid", c.AccountSID, "the account's SID (AC…)")
		need("from", c.From, "a number like +14155550100 or a messaging service (MG…)")
	}
}

func (c *config) readBase(base string, fault faultFunc) {
	if c.BaseURL == "" {
		c.BaseURL = base
	}
	if c.BaseURL == "" {
		fault("base_url", "is missing: name the address of your %s server", c.Provider)
		return
	}
	u, err := url.Parse(c.BaseURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		fault("base_url", "is not an address like https://whatsapp.example.com")
		return
	}
	if u.User != nil {
		fault("base_url", "must not hold a user or a password: the token belongs into token")
	}
	// Gateways of one's own stand on one's own network; the others are on the internet.
	if u.Scheme == "http" && base != "" && !isLoopback(u.Hostname()) {
		fault("base_url", "would send the token in clear: use https")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	c.base = u
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func (c *config) readMode(fault faultFunc) {
	gateway := c.Provider == evolution || c.Provider == waha
	if c.Mode == "" {
		c.Mode = modeTemplate
		if gateway {
			c.Mode = modeText
		}
	}
	switch {
	case !slices.Contains([]string{modeTemplate, modeText, modeTextThenTemplate}, c.Mode):
		fault("mode", "%q is unknown: use template, text or text_then_template", c.Mode)
	case c.Provider == waha && c.Mode != modeText:
		fault("mode", "waha has no templates: use text")
	case gateway && c.Mode == modeTextThenTemplate:
		fault("mode", "%s never says that only a template may be sent: use text or template", c.Provider)
	}
	if c.Languages == nil {
		c.Languages = map[string]string{"pt-BR": "pt_BR", "en": "en"}
	}
	for _, locale := range slices.Sorted(maps.Keys(c.Languages)) {
		if !slices.Contains(locales(), locale) {
			fault("languages."+locale, "is unknown: the listener writes %s", strings.Join(locales(), " and "))
		}
		if !regexp.MustCompile(`^[a-z]{2,3}(_[A-Z]{2})?$`).MatchString(c.Languages[locale]) {
			fault("languages."+locale, "%q is not a language of WhatsApp such as pt_BR or en", c.Languages[locale])
		}
	}
	if tag := matchLocale(c.DefaultLocale); tag == "" {
		fault("default_locale", "%q has no texts here: use one of %s", c.DefaultLocale, strings.Join(locales(), ", "))
	} else {
		c.DefaultLocale = tag
	}
	if _, ok := c.Languages[c.DefaultLocale]; !ok && c.Mode != modeText {
		fault("default_locale", "%q has no templates: add it to languages", c.DefaultLocale)
	}
}

func (c *config) readPeople(fault faultFunc) {
	if c.Audiences == nil {
		c.Audiences = []string{toCustomer}
	}
	for i, a := range c.Audiences {
		if a != toCustomer && a != toProvider {
			fault(fmt.Sprintf("audiences[%d]", i), "%q is unknown: use customer or provider", a)
		}
	}
	if slices.Contains(c.Audiences, toCustomer) {
		c.Consent.read(fault)
	}
	if c.DefaultRegion == "" {
		fault("default_region", "is missing: name the country of numbers without a country code, such as BR")
	} else if phonenumbers.GetCountryCodeForRegion(c.DefaultRegion) == 0 {
		fault("default_region", "%q is not a country like BR", c.DefaultRegion)
	}
}

func (c *config) readPlaces(hostZone string, fault faultFunc) {
	zone, ok := appointment.Location(c.DefaultTimezone)
	if c.DefaultTimezone == "" {
		zone, _ = appointment.Location(hostZone)
	} else if !ok {
		fault("default_timezone", "%q is not a time zone like America/Sao_Paulo", c.DefaultTimezone)
	}
	c.zone = zone
	if c.AppURL == "" {
		return
	}
	u, err := url.Parse(c.AppURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		fault("app_url", "is not an address like https://agenda.example.com")
		return
	}
	c.AppURL = strings.TrimRight(u.String(), "/")
}
