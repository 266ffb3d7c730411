package appointment

import (
	"fmt"
	"time"

	// Containers and Windows machines often have no zone files, and a mail with
	// the wrong hour is worse than a binary that is 450 kB larger.
	_ "time/tzdata"
)

const wallClock = "2006-01-02 15:04:05"

// Start is when the appointment begins, in the provider's zone. It is an error
// if the payload does not tell a real time (0000-00-00 is none).
func (p *Payload) Start() (time.Time, error) {
	return p.at("appointment.start_datetime", p.Appointment.StartDatetime)
}

// End is when the appointment ends, in the provider's zone.
func (p *Payload) End() (time.Time, error) {
	return p.at("appointment.end_datetime", p.Appointment.EndDatetime)
}

// Zone is the zone that the payload's times are in. It is UTC and false if the
// provider has no zone or one that nobody knows: worth a warning.
func (p *Payload) Zone() (*time.Location, bool) {
	return Location(p.Provider.Timezone)
}

// Revision counts the seconds between the last change of the appointment and
// its creation: it rises with every change. It is 0 if the payload does not tell.
func (p *Payload) Revision() int64 {
	created, err := time.Parse(wallClock, p.Appointment.CreateDatetime)
	if err != nil {
		return 0
	}
	updated, err := time.Parse(wallClock, p.Appointment.UpdateDatetime)
	if err != nil {
		return 0
	}
	return max(0, int64(updated.Sub(created)/time.Second))
}

// Location finds a zone by its IANA name. It is UTC and false if name is empty
// or unknown.
func Location(name string) (*time.Location, bool) {
	// "Local" would be the zone of whichever machine the listener runs on.
	if name == "" || name == "Local" {
		return time.UTC, false
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC, false
	}
	return loc, true
}

func (p *Payload) at(key, value string) (time.Time, error) {
	if value == "" {
		return time.Time{}, fmt.Errorf("%s: is missing", key)
	}
	zone, _ := p.Zone()
	t, err := time.ParseInLocation(wallClock, value, zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: not a time like 2006-01-31 15:04:05", key)
	}
	return t, nil
}
