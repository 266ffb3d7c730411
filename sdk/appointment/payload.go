// Package appointment is the typed payload of appointment.* events, shared by
// every listener.
//
// The application writes the payload from loosely typed rows, so decoding is
// lenient: numbers may be strings, booleans "0" and "1", objects null or [],
// texts null, keys missing or unknown. What cannot be understood at all is an
// error that names the key and never the value. Fields that hold secrets of
// the application (calendar tokens, passwords) have no place here on purpose.
package appointment

import "strings"

// Payload is what an appointment.* event says. The zero value of a field means
// that the payload did not tell.
type Payload struct {
	Event       string      `json:"event"`
	Appointment Appointment `json:"appointment"`
	Service     Service     `json:"service"`
	Provider    Provider    `json:"provider"`
	Customer    Person      `json:"customer"`
	Settings    Settings    `json:"settings"`
	// ManageMode is true when an existing appointment was changed.
	ManageMode bool `json:"manage_mode"`
	// ICSStream is the application's own calendar file, in the language of
	// whoever was logged in; empty when an appointment was cancelled.
	ICSStream string `json:"ics_stream"`
	// CancellationReason is free text and often empty.
	CancellationReason string `json:"cancellation_reason"`
}

// Appointment is the booking itself. Its times are wall clock in the
// provider's zone: read them with Payload.Start and Payload.End.
type Appointment struct {
	ID            int64  `json:"id"`
	StartDatetime string `json:"start_datetime"`
	EndDatetime   string `json:"end_datetime"`
	// CreateDatetime and UpdateDatetime are in the zone of the application,
	// which the payload does not name: only their difference means something.
	CreateDatetime string `json:"create_datetime"`
	UpdateDatetime string `json:"update_datetime"`
	Location       string `json:"location"`
	Notes          string `json:"notes"`
	// Hash opens the public page that moves or cancels the appointment without
	// a login: treat it as a password.
	Hash   string `json:"hash"`
	Status string `json:"status"`
	// CalDAVID is the UID in a connected calendar; empty if there is none.
	CalDAVID string `json:"id_caldav_calendar"`
}

// Service is what was booked.
type Service struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	// Minutes is how long the service takes.
	Minutes     int64   `json:"duration"`
	Price       float64 `json:"price"`
	Currency    string  `json:"currency"`
	Description string  `json:"description"`
	Location    string  `json:"location"`
}

// Person is a customer, and what a provider has in common with one.
type Person struct {
	ID        int64  `json:"id"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	Email     string `json:"email"`
	// PhoneNumber and MobileNumber are as somebody typed them, mostly national.
	PhoneNumber  string `json:"phone_number"`
	MobileNumber string `json:"mobile_number"`
	Address      string `json:"address"`
	City         string `json:"city"`
	State        string `json:"state"`
	ZipCode      string `json:"zip_code"`
	// Timezone is an IANA name: read it with Location.
	Timezone string `json:"timezone"`
	// Language is the application's folder name: read it with LanguageTag.
	Language string `json:"language"`
}

// FullName is the first and last name with one space between; empty if there is neither.
func (p Person) FullName() string {
	return strings.Join(strings.Fields(p.FirstName+" "+p.LastName), " ")
}

// Provider is who gives the service.
type Provider struct {
	Person
	Settings ProviderSettings `json:"settings"`
}

// ProviderSettings is the part of a provider's settings that listeners need.
type ProviderSettings struct {
	// Notifications says whether the provider wants to be told; nil if the
	// payload does not say.
	Notifications *bool `json:"notifications"`
}

// Settings is about the company and how it writes dates.
type Settings struct {
	CompanyName  string `json:"company_name"`
	CompanyLink  string `json:"company_link"`
	CompanyEmail string `json:"company_email"`
	// CompanyColor is meant to be #rgb or #rrggbb but is not checked.
	CompanyColor string `json:"company_color"`
	// DateFormat is DMY, MDY or YMD; TimeFormat is regular (12 hours) or military.
	DateFormat string `json:"date_format"`
	TimeFormat string `json:"time_format"`
}

// Kind is what happened to an appointment.
type Kind string

// The kinds; the empty Kind is an event that this package does not know.
const (
	Booked    Kind = "booked"
	Changed   Kind = "changed"
	Cancelled Kind = "cancelled"
)

// Kind tells what happened, from the event's name and ManageMode: the
// application calls a change "saved" as well.
func (p *Payload) Kind() Kind {
	switch {
	case p.Event == "appointment.deleted":
		return Cancelled
	case p.Event == "appointment.updated", p.Event == "appointment.saved" && p.ManageMode:
		return Changed
	case p.Event == "appointment.saved":
		return Booked
	}
	return ""
}
