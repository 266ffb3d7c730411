package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/earshot-host/earshot/sdk"
	"github.com/earshot-host/earshot/sdk/appointment"
)

// The audiences, in the order in which they are told.
const (
	toCustomer = "customer"
	toProvider = "provider"
)

// recipient is one person to tell.
type recipient struct {
	audience string
	person   appointment.Person
	number   string // in E.164; empty if what the payload has is no number
	locale   string
	zone     *time.Location
	// key names the recipient in receipts without telling the number.
	key string
}

// recipients lists who is to be told, and why others are not.
func (c *config) recipients(ev *sdk.Event, p *appointment.Payload) (list []recipient, skipped []string) {
	if slices.Contains(c.Audiences, toCustomer) {
		switch {
		case noNumber(p.Customer):
			skipped = append(skipped, "the customer has no phone number")
		case !c.Consent.given(ev.Payload):
			skipped = append(skipped, "the customer has not agreed to WhatsApp messages")
		default:
			list = append(list, c.recipient(ev, p, toCustomer, p.Customer))
		}
	}
	if slices.Contains(c.Audiences, toProvider) {
		switch wants := p.Provider.Settings.Notifications; {
		case wants != nil && !*wants:
			skipped = append(skipped, "the provider wants no notifications")
		case noNumber(p.Provider.Person):
			skipped = append(skipped, "the provider has no phone number")
		default:
			list = append(list, c.recipient(ev, p, toProvider, p.Provider.Person))
		}
	}
	return list, skipped
}

func noNumber(who appointment.Person) bool {
	return strings.TrimSpace(who.MobileNumber) == "" && strings.TrimSpace(who.PhoneNumber) == ""
}

func (c *config) recipient(ev *sdk.Event, p *appointment.Payload, audience string, who appointment.Person) recipient {
	r := recipient{audience: audience, person: who, locale: matchLocale(appointment.LanguageTag(who.Language))}
	if r.locale == "" {
		r.locale = c.DefaultLocale
	}
	var ok bool
	// A reader without a zone most likely lives where the appointment takes place.
	if r.zone, ok = appointment.Location(who.Timezone); !ok {
		if r.zone, ok = p.Zone(); !ok {
			r.zone = c.zone
		}
	}
	for _, typed := range []string{who.MobileNumber, who.PhoneNumber} {
		if number, err := e164(typed, c.DefaultRegion, c.FixBRNinthDigit); err == nil {
			r.number = number
			break
		}
	}
	// Keyed with the event, so that the receipts of two events cannot be joined
	// into the history of one number.
	mac := hmac.New(sha256.New, []byte(ev.IdempotencyKey))
	mac.Write([]byte(audience + "\x00" + r.number))
	r.key = audience + "-" + hex.EncodeToString(mac.Sum(nil)[:8])
	return r
}

// typed is what the payload has as the recipient's number, masked.
func (r recipient) typed() string {
	if strings.TrimSpace(r.person.MobileNumber) != "" {
		return mask(r.person.MobileNumber)
	}
	return mask(r.person.PhoneNumber)
}
