package main

import (
	"strings"
	"time"

	"github.com/earshot-host/earshot/sdk/appointment"
)

// view is what texts and templates can say, each value on one line. What the
// payload does not tell is empty.
type view struct {
	// FirstName is the reader's; Customer and Provider are full names.
	FirstName, Customer, Provider string
	Service, Company, Location    string
	// Reason is why an appointment was cancelled.
	Reason, Status string
	// When is Weekday, Date and Time in the reader's language and zone.
	When, Weekday, Date, Time string
	// Link opens the appointment, and Hash is its last part, for the button of
	// a template. Both let whoever has them move or cancel the appointment.
	Link, Hash string
}

func (c *config) newView(p *appointment.Payload, start time.Time, who recipient) view {
	v := view{
		FirstName: squash(who.person.FirstName), Customer: squash(p.Customer.FullName()), Provider: squash(p.Provider.FullName()),
		Service: squash(p.Service.Name), Company: squash(p.Settings.CompanyName),
		Location: squash(p.Appointment.Location), Reason: squash(p.CancellationReason), Status: squash(p.Appointment.Status),
		Hash: squash(p.Appointment.Hash),
	}
	if v.Location == "" {
		v.Location = squash(p.Service.Location)
	}
	at := start.In(who.zone)
	w := wordsOf(who.locale)
	v.Weekday = w.weekdays[at.Weekday()]
	v.Date = date(at, p.Settings.DateFormat)
	v.Time = clock(at, p.Settings.TimeFormat)
	// A reader elsewhere must see whose hours these are.
	if _, here := start.Zone(); here != offset(at) {
		v.Time += " (" + who.zone.String() + ")"
	}
	v.When = v.Weekday + ", " + v.Date + w.at + v.Time
	if p.Kind() != appointment.Cancelled && v.Hash != "" && c.AppURL != "" {
		page := "booking"
		if who.audience == toProvider {
			page = "calendar"
		}
		v.Link = c.link(page, v.Hash)
	}
	return v
}

func (c *config) link(page, hash string) string {
	parts := []string{c.AppURL}
	index := "index.php"
	if c.IndexPage != nil {
		index = *c.IndexPage
	}
	if index != "" {
		parts = append(parts, index)
	}
	return strings.Join(append(parts, page, "reschedule", hash), "/")
}

func offset(t time.Time) int {
	_, seconds := t.Zone()
	return seconds
}

// date writes a day the way that the company does.
func date(t time.Time, format string) string {
	switch format {
	case "MDY":
		return t.Format("01/02/2006")
	case "YMD":
		return t.Format("2006/01/02")
	}
	return t.Format("02/01/2006")
}

// clock writes a time of day the way that the company does.
func clock(t time.Time, format string) string {
	if format == "regular" {
		return t.Format("3:04 pm")
	}
	return t.Format("15:04")
}
