package registry_test

import (
	"testing"

	"github.com/earshot-host/earshot/host/internal/event"
)

func BenchmarkPlan(b *testing.B) {
	ev := event.Event{Name: "appointment.saved", Payload: read(b, "appointment.saved.json")}
	for _, bm := range []struct{ name, routes string }{
		{"plain", "version: 1\nlisteners: {a: {plugin: log}, b: {plugin: log}}\nevents: {appointment.saved: [a, b]}"},
		{"order and when", routes},
	} {
		r := parse(b, bm.routes)
		b.Run(bm.name, func(b *testing.B) {
			b.SetBytes(int64(len(ev.Payload)))
			b.ReportAllocs()
			for b.Loop() {
				r.Plan(ev)
			}
		})
	}
}

func BenchmarkFilter(b *testing.B) {
	payload := read(b, "appointment.saved.json")
	for _, bm := range []struct{ name, filter string }{
		{"none", "{}"},
		{"drop", "{drop: [provider.settings.google_token, provider.settings.caldav_*, provider.settings.password_*, provider.ldap_dn, customer.ldap_dn]}"},
		{"only", "{only: [event, appointment, customer.first_name, customer.phone_number]}"},
	} {
		l := filtering(b, bm.filter)
		b.Run(bm.name, func(b *testing.B) {
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := l.Filter(payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
