package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"github.com/earshot-host/earshot/sdk"
	"github.com/earshot-host/earshot/sdk/appointment"
	gomail "github.com/wneessen/go-mail"
)

// letter is a mail that is ready to be sent to one recipient.
type letter struct {
	to    recipient
	event int64
	id    string // the Message-ID without its angle brackets
	from  string // the envelope sender
	hash  string // opens the manage page
	msg   *gomail.Msg
	// What a dry run shows beside the mail itself; ics may be empty.
	text, html, ics string
}

// hide lists what of the letter no error may tell.
func (l *letter) hide() []string {
	at := strings.LastIndexByte(l.to.address, '@')
	return []string{l.to.address, l.to.address[:at], l.hash}
}

// occasion is one event, read and checked, that letters are written about.
type occasion struct {
	ev         *sdk.Event
	p          *appointment.Payload
	start, end time.Time
	now        time.Time
}

// newOccasion reads the event; its errors are permanent.
func newOccasion(ev *sdk.Event, now time.Time) (*occasion, error) {
	p := &appointment.Payload{}
	if err := ev.Decode(p); err != nil {
		return nil, err
	}
	if p.Event == "" {
		p.Event = ev.Name // somebody wrote the payload by hand
	}
	if p.Kind() == "" {
		return nil, sdk.Permanent(fmt.Errorf("there is no mail for %s: route only appointment.saved, appointment.updated and appointment.deleted to this listener", ev.Name))
	}
	start, err := p.Start()
	if err != nil {
		return nil, sdk.Permanent(err)
	}
	end, err := p.End()
	if err != nil {
		return nil, sdk.Permanent(err)
	}
	return &occasion{ev: ev, p: p, start: start, end: end, now: now}, nil
}

// compose builds the mail for rcpt. Its Message-ID is the same at every
// attempt, so that a mail that arrives twice can be told from two mails.
func (c *config) compose(o *occasion, rcpt recipient) (*letter, error) {
	if rcpt.address == "" {
		return nil, errors.New("the address is not one that mail can go to")
	}
	v, err := c.newView(o, rcpt)
	if err != nil {
		return nil, err
	}
	l := &letter{
		to: rcpt, event: o.ev.ID, from: c.from.Address, hash: o.p.Appointment.Hash,
		id: messageID(o.ev.IdempotencyKey, rcpt.key, c.from.Address), msg: gomail.NewMsg(gomail.WithNoDefaultUserAgent()),
	}
	if c.returnPath != nil {
		l.from = c.returnPath.Address
	}
	if l.text, l.html, err = c.templates.render(v); err != nil {
		return nil, err
	}
	c.address(l.msg, o.p, rcpt, v.Company)
	l.msg.SetMessageIDWithValue(l.id)
	if id := o.p.Appointment.ID; id != 0 {
		l.msg.SetGenHeader(gomail.HeaderReferences, fmt.Sprintf("<appt.%d@%s>", id, domainOf(c.from.Address)))
	}
	l.msg.SetDateWithValue(o.now)
	l.msg.Subject(v.Subject)
	// Neither an absence note nor a mailing robot shall answer.
	l.msg.SetGenHeader("Auto-Submitted", "auto-generated")
	l.msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	l.msg.SetGenHeader("Content-Language", v.Lang)
	if c.ListUnsubscribe != "" {
		l.msg.SetGenHeader("List-Unsubscribe", "<"+c.ListUnsubscribe+">")
	}
	l.msg.SetBodyString(gomail.TypeTextPlain, l.text)
	l.msg.AddAlternativeString(gomail.TypeTextHTML, l.html)
	if err := c.addCalendar(l, o, v); err != nil {
		return nil, err
	}
	c.DKIM.sign(l.msg)
	return l, nil
}

// addCalendar adds what the reader's calendar takes, if anything.
func (c *config) addCalendar(l *letter, o *occasion, v *view) error {
	switch c.Calendar.Mode {
	case "none":
		return nil
	case "passthrough":
		if l.ics = o.p.ICSStream; l.ics == "" {
			return nil
		}
	default:
		var method string
		method, l.ics = c.calendar(o, l.to, v)
		// Mail programs offer the entry only when this part's method is the one inside.
		l.msg.AddAlternativeString(gomail.ContentType("text/calendar; method="+method), l.ics, gomail.WithPartEncoding(gomail.EncodingB64))
	}
	return l.msg.AttachReader("invite.ics", strings.NewReader(l.ics), gomail.WithFileContentType("application/ics"))
}

// address sets who the mail is from and to.
func (c *config) address(msg *gomail.Msg, p *appointment.Payload, rcpt recipient, company string) {
	from := *c.from
	if from.Name == "" {
		from.Name = company
	}
	msg.FromMailAddress(&from)
	msg.ToMailAddress(&mail.Address{Name: rcpt.name, Address: rcpt.address})
	if c.returnPath != nil {
		msg.EnvelopeFromMailAddress(c.returnPath)
	}
	replyTo := c.replyTo
	if replyTo == nil {
		if a := asciiAddress(p.Settings.CompanyEmail); a != "" && !strings.EqualFold(a, from.Address) {
			replyTo = &mail.Address{Name: company, Address: a}
		}
	}
	if replyTo != nil {
		msg.ReplyToMailAddress(replyTo)
	}
}

func messageID(idempotencyKey, recipientKey, from string) string {
	sum := sha256.Sum256([]byte(idempotencyKey + "\x00" + recipientKey))
	return hex.EncodeToString(sum[:16]) + "@" + domainOf(from)
}
