package main

import (
	"cmp"
	"fmt"
	htmltemplate "html/template"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/earshot-host/earshot/sdk/appointment"
)

// What customers type is cut, so that nobody mails a book from our address.
const (
	maxLine = 200
	maxText = 4000
)

// view is what the templates see, cleaned and in the reader's language and zone.
type view struct {
	Lang, Subject, Heading, Greeting, Intro string
	Company, CompanyLink, FooterText        string
	Color, OnColor                          htmltemplate.CSS
	Service, Customer, Reader               string
	// When is short, for subjects; Time is from when to when in words, in Zone.
	When, Time, Zone       string
	TimeLabel, ZoneLabel   string
	Rows, CustomerRows     []row
	CustomerTitle          string
	Reason                 *row
	ManageURL, ManageLabel string
	AlarmText              string

	// What follows is for templates that people bring themselves.
	Kind, Audience string
	Start, End     time.Time
	Payload        *appointment.Payload

	words *words
}

// Date writes t's day in the reader's language, as the company writes dates.
func (v *view) Date(t time.Time) string { return v.words.date(t, v.Payload.Settings.DateFormat) }

// Clock writes t's hour as the company writes it.
func (v *view) Clock(t time.Time) string { return hour(t, v.Payload.Settings.TimeFormat) }

// span names the day once if the appointment ends on the day it begins.
func (v *view) span() string {
	begin, end := v.Date(v.Start)+", "+v.Clock(v.Start), v.Clock(v.End)
	if v.Date(v.Start) != v.Date(v.End) {
		end = v.Date(v.End) + ", " + end
	}
	return begin + " – " + end
}

// Label is a word of the reader's language by its key in the language's file.
func (v *view) Label(key string) (string, error) {
	if s, ok := v.words.Labels[key]; ok {
		return s, nil
	}
	return "", fmt.Errorf("the texts have no label %q", key)
}

type row struct {
	Label, Value string
	// URL is set when the value is a link.
	URL string
}

// Lines is the value line by line.
func (r row) Lines() []string { return strings.Split(r.Value, "\n") }

// Indented sets the value's further lines apart from the next label.
func (r row) Indented() string { return strings.ReplaceAll(r.Value, "\n", "\n    ") }

// newView gathers what a mail to rcpt says.
func (c *config) newView(o *occasion, rcpt recipient) (*view, error) {
	w := c.templates.words[rcpt.locale]
	p, set := o.p, o.p.Settings
	start, end := o.start.In(rcpt.zone), o.end.In(rcpt.zone)
	v := &view{
		Lang: rcpt.locale, FooterText: w.Footer,
		Company: oneLine(set.CompanyName, maxLine), CompanyLink: webLink(set.CompanyLink),
		Service: oneLine(p.Service.Name, maxLine), Customer: oneLine(p.Customer.FullName(), maxLine),
		Reader: rcpt.name, When: w.short(start, set.DateFormat, set.TimeFormat),
		CustomerTitle: w.Labels["customer"], AlarmText: w.Labels["alarm"],
		TimeLabel: w.Labels["time"], ZoneLabel: w.Labels["zone"], Zone: zoneLabel(start),
		Kind: string(p.Kind()), Audience: rcpt.audience, Start: start, End: end, Payload: p, words: w,
	}
	v.Time = v.span()
	v.Color, v.OnColor = barColors(set.CompanyColor)
	c.addRows(v, w, p)
	c.addLink(v, w, p, rcpt)
	m := w.Messages[messageName(p.Kind(), rcpt.audience)]
	for _, part := range []struct {
		dst  *string
		text string
	}{{&v.Subject, m.Subject}, {&v.Heading, m.Heading}, {&v.Intro, m.Intro}, {&v.Greeting, w.Greeting}} {
		var err error
		if *part.dst, err = say(part.text, v); err != nil {
			return nil, err
		}
	}
	subject, err := c.templates.subject(v)
	if err != nil {
		return nil, err
	}
	v.Subject = oneLine(cmp.Or(subject, v.Subject), maxLine)
	if v.Reader == "" {
		v.Greeting = ""
	}
	return v, nil
}

// messageName picks the texts: only a new booking reads differently for staff.
func messageName(kind appointment.Kind, audience string) string {
	if kind == appointment.Booked && audience != toCustomer {
		return "booked_staff"
	}
	return string(kind)
}

func (c *config) addRows(v *view, w *words, p *appointment.Payload) {
	add := func(rows *[]row, label, value string) {
		if value != "" {
			*rows = append(*rows, row{Label: w.Labels[label], Value: value, URL: webLink(value)})
		}
	}
	status := oneLine(p.Appointment.Status, maxLine)
	add(&v.Rows, "service", v.Service)
	add(&v.Rows, "provider", oneLine(p.Provider.FullName(), maxLine))
	add(&v.Rows, "status", cmp.Or(w.Statuses[status], status))
	add(&v.Rows, "description", paragraph(p.Service.Description, maxText))
	add(&v.Rows, "location", place(p))
	if c.Notes != "omit" {
		add(&v.Rows, "notes", paragraph(p.Appointment.Notes, maxText))
	}

	who := p.Customer
	add(&v.CustomerRows, "name", v.Customer)
	add(&v.CustomerRows, "email", oneLine(who.Email, maxLine))
	add(&v.CustomerRows, "phone", oneLine(cmp.Or(who.PhoneNumber, who.MobileNumber), maxLine))
	add(&v.CustomerRows, "address", joined(who.Address, who.City, who.State, who.ZipCode))
	if reason := paragraph(p.CancellationReason, maxText); reason != "" && p.Kind() == appointment.Cancelled {
		v.Reason = &row{Label: w.Labels["reason"], Value: reason}
	}
}

// addLink adds the page where the reader can act. There is nothing left to do
// about a cancelled appointment.
func (c *config) addLink(v *view, w *words, p *appointment.Payload, rcpt recipient) {
	if c.AppURL == "" || p.Appointment.Hash == "" || p.Kind() == appointment.Cancelled {
		return
	}
	page, label := "calendar", "manage_staff"
	if rcpt.audience == toCustomer {
		page, label = "booking", "manage_customer"
	}
	index := "index.php"
	if c.IndexPage != nil {
		index = strings.Trim(*c.IndexPage, "/")
	}
	parts := []string{c.AppURL, index, page, "reschedule", url.PathEscape(p.Appointment.Hash)}
	if index == "" {
		parts = append(parts[:1], parts[2:]...)
	}
	v.ManageURL, v.ManageLabel = strings.Join(parts, "/"), w.Labels[label]
}

// place is where the appointment is; a booking made by staff may leave it to the service.
func place(p *appointment.Payload) string {
	return cmp.Or(oneLine(p.Appointment.Location, maxLine), oneLine(p.Service.Location, maxLine))
}

func joined(parts ...string) string {
	var kept []string
	for _, s := range parts {
		if s = oneLine(s, maxLine); s != "" {
			kept = append(kept, s)
		}
	}
	return strings.Join(kept, ", ")
}

// webLink is s if it is the address of a web page, else empty.
func webLink(s string) string {
	s = strings.TrimSpace(s)
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.ContainsAny(s, " \n") {
		return ""
	}
	return s
}

var hexColor = regexp.MustCompile(`^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$`)

// barColors are the company's colour and one that can be read on it. Anything
// but #rgb and #rrggbb could smuggle in more CSS.
func barColors(s string) (bar, on htmltemplate.CSS) {
	s = strings.TrimSpace(s)
	if !hexColor.MatchString(s) {
		s = "#2f5d8a"
	}
	hex := s[1:]
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	n, _ := strconv.ParseUint(hex, 16, 32) // the pattern lets nothing else through
	brightness := (299*(n>>16) + 587*(n>>8&0xff) + 114*(n&0xff)) / 1000
	if brightness > 150 {
		return htmltemplate.CSS(s), "#1f2933"
	}
	return htmltemplate.CSS(s), "#ffffff"
}
