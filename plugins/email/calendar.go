package main

import (
	"crypto/md5"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/earshot-host/earshot/sdk"
	"github.com/earshot-host/earshot/sdk/appointment"
)

// The methods of an invitation (RFC 5546).
const (
	methodRequest = "REQUEST"
	methodPublish = "PUBLISH"
	methodCancel  = "CANCEL"
)

// calendarConfig says what mails carry for the reader's calendar.
type calendarConfig struct {
	// Mode is rebuild (the default), passthrough (the application's own file as
	// an attachment) or none.
	Mode string `json:"mode" jsonschema:"enum=rebuild,enum=passthrough,enum=none"`
	// RSVP asks the customer to accept. Without it the invitation counts as
	// accepted, since the customer made the appointment.
	RSVP bool `json:"rsvp"`
	// Alarms are times before the start; nil means 1h and 15m.
	Alarms []sdk.Duration `json:"alarms"`
	// Organizer is from (the default) or provider. Mail programs warn of an
	// organizer who is not the sender.
	Organizer string `json:"organizer" jsonschema:"enum=from,enum=provider"`
}

func (c *calendarConfig) complete(fault faultFunc) {
	if c.Mode == "" {
		c.Mode = "rebuild"
	}
	if c.Organizer == "" {
		c.Organizer = "from"
	}
	if c.Alarms == nil {
		c.Alarms = []sdk.Duration{sdk.Duration(time.Hour), sdk.Duration(15 * time.Minute)}
	}
	if c.Mode != "rebuild" && c.Mode != "passthrough" && c.Mode != "none" {
		fault("calendar.mode", "%q is unknown: use rebuild, passthrough or none", c.Mode)
	}
	if c.Organizer != "from" && c.Organizer != "provider" {
		fault("calendar.organizer", "%q is unknown: use from or provider", c.Organizer)
	}
}

// calendar writes the invitation of one mail. Times are in UTC, which needs no
// zone rules.
func (c *config) calendar(o *occasion, rcpt recipient, v *view) (method, ics string) {
	p := o.p
	method = methodPublish // staff are informed, not asked to answer
	sequence := p.Revision()
	switch {
	case p.Kind() == appointment.Cancelled:
		method = methodCancel
		sequence++ // a cancellation must outrank the last change
	case rcpt.audience == toCustomer:
		method = methodRequest
	}

	var w icsWriter
	w.line("BEGIN:VCALENDAR")
	w.line("VERSION:2.0")
	w.line("PRODID:-//Earshot//Email listener//EN")
	w.line("CALSCALE:GREGORIAN")
	w.line("METHOD:" + method)
	w.line("BEGIN:VEVENT")
	w.text("UID", uid(p))
	w.line("SEQUENCE:" + strconv.FormatInt(min(sequence, math.MaxInt32), 10))
	if o.ev.OccurredAt.IsZero() {
		w.time("DTSTAMP", o.now)
	} else {
		w.time("DTSTAMP", o.ev.OccurredAt)
	}
	w.time("DTSTART", o.start)
	if o.end.After(o.start) {
		w.time("DTEND", o.end)
	}
	if method == methodCancel {
		w.line("STATUS:CANCELLED")
	} else {
		w.line("STATUS:CONFIRMED")
	}
	w.text("SUMMARY", v.summary())
	w.text("LOCATION", place(p))
	w.text("DESCRIPTION", v.calendarText())
	w.line("URL:", v.ManageURL)
	c.organizer(&w, p, v.Company)
	if method != methodPublish { // RFC 5546 allows no attendee there
		answer := "PARTSTAT=ACCEPTED;RSVP=FALSE"
		if c.Calendar.RSVP && method == methodRequest {
			answer = "PARTSTAT=NEEDS-ACTION;RSVP=TRUE"
		}
		w.person("ATTENDEE", rcpt.name, rcpt.address, ";CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;"+answer)
	}
	if method != methodCancel {
		for _, before := range c.Calendar.Alarms {
			w.alarm(fmt.Sprintf("-PT%dM", int(before.Std().Minutes())), v.AlarmText)
		}
	}
	w.line("END:VEVENT")
	w.line("END:VCALENDAR")
	return method, w.b.String()
}

func (c *config) organizer(w *icsWriter, p *appointment.Payload, company string) {
	if address := asciiAddress(p.Provider.Email); c.Calendar.Organizer == "provider" && address != "" {
		w.person("ORGANIZER", p.Provider.FullName(), address, "")
		return
	}
	w.person("ORGANIZER", company, c.from.Address, "")
}

// uid is the application's own, so that entries it made before are updated
// and not doubled.
func uid(p *appointment.Payload) string {
	if id := oneLine(p.Appointment.CalDAVID, maxLine); id != "" {
		return id
	}
	return fmt.Sprintf("ea-%x", md5.Sum([]byte(strconv.FormatInt(p.Appointment.ID, 10))))
}

// summary is the entry's title; an entry must have one.
func (v *view) summary() string {
	for _, s := range []string{v.Service, v.Company, v.Heading} {
		if s != "" {
			return s
		}
	}
	return "-"
}

func (v *view) calendarText() string {
	lines := []string{v.TimeLabel + ": " + v.Time + " (" + v.Zone + ")"}
	for _, r := range append(v.Rows[:len(v.Rows):len(v.Rows)], v.CustomerRows...) {
		lines = append(lines, r.Label+": "+r.Value)
	}
	if v.Reason != nil {
		lines = append(lines, v.Reason.Label+": "+v.Reason.Value)
	}
	if v.ManageURL != "" {
		lines = append(lines, v.ManageLabel+": "+v.ManageURL)
	}
	return strings.Join(lines, "\n")
}
