package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/earshot-host/earshot/sdk/appointment"
)

// The audiences, in the order in which they are told.
const (
	toCustomer = "customer"
	toProvider = "provider"
	toStaff    = "staff"
)

// recipient is one person to tell. Each gets a mail of their own: one bad
// mailbox then stops nobody else's, and each reads their own language and hour.
type recipient struct {
	audience string
	name     string
	address  string // empty if what the payload has is not an address
	locale   string
	zone     *time.Location
	// key names the recipient in receipts without telling the address.
	key string
}

// recipients lists who is to be told about p, leaving out those without an
// address. live is what the application's own tables say now; nil asks the
// payload and the configuration alone.
func (c *config) recipients(p *appointment.Payload, live *liveRules, idempotencyKey string) []recipient {
	var list []recipient
	add := func(audience, name, email, language, zone string) {
		key := recipientKey(idempotencyKey, audience, email)
		twice := slices.ContainsFunc(list, func(r recipient) bool { return r.key == key })
		if email = strings.TrimSpace(email); email == "" || twice {
			return
		}
		if c.OnlyTo != "" && !strings.EqualFold(c.OnlyTo, asciiAddress(email)) {
			return
		}
		list = append(list, recipient{
			audience: audience, name: oneLine(name, 120), address: asciiAddress(email),
			locale: c.locale(language), zone: c.readersZone(zone, p), key: key,
		})
	}
	person := func(audience string, who appointment.Person) {
		add(audience, who.FullName(), who.Email, appointment.LanguageTag(who.Language), who.Timezone)
	}
	customer, provider := on(c.Audiences.Customer), on(c.Audiences.Provider)
	if live != nil {
		customer, provider = customer && live.customer, provider && live.provider
	} else {
		provider = provider && on(p.Provider.Settings.Notifications)
	}
	if customer {
		person(toCustomer, p.Customer)
	}
	if provider {
		person(toProvider, p.Provider.Person)
	}
	if live != nil {
		for _, who := range live.staff {
			person(toStaff, who)
		}
	}
	for _, s := range c.Audiences.Staff {
		if concerns(s.Services, p.Service.ID) && concerns(s.Providers, p.Provider.ID) {
			add(toStaff, s.Name, s.Email, s.Language, s.Timezone)
		}
	}
	return list
}

// concerns is whether id is in the list; an empty list means all.
func concerns(ids []int64, id int64) bool { return len(ids) == 0 || slices.Contains(ids, id) }

// on is whether a switch that nobody touched, or that is true, is on.
func on(b *bool) bool { return b == nil || *b }

// recipientKey is keyed with the event, so that the stored receipts of two
// events cannot be joined into the history of one address.
func recipientKey(idempotencyKey, audience, address string) string {
	mac := hmac.New(sha256.New, []byte(idempotencyKey))
	mac.Write([]byte(strings.ToLower(strings.TrimSpace(address))))
	return audience + "-" + hex.EncodeToString(mac.Sum(nil)[:8])
}

// locale picks the texts for a reader: their own, else the default.
func (c *config) locale(language string) string {
	if tag := c.templates.match(language); tag != "" {
		return tag
	}
	return c.DefaultLocale
}

// readersZone is the zone that times are told in. A reader without one most
// likely lives where the appointment takes place.
func (c *config) readersZone(name string, p *appointment.Payload) *time.Location {
	if zone, ok := appointment.Location(name); ok {
		return zone
	}
	if c.DefaultTimezone == "" {
		if zone, ok := p.Zone(); ok {
			return zone
		}
	}
	return c.zone
}
