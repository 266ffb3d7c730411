package main

import (
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const small = `{"event":"appointment.saved",
  "appointment":{"id":4127,"notes":"a < b & c","hash":"q7W"},
  "customer":{"first_name":"Ana","phone_number":"(11) 98765-4321","id":9},
  "people":[{"email":"a@example.com","id":1},{"email":"b@example.com","id":2}],
  "ics_stream":"BEGIN:VCALENDAR","big":12345678901234567890}`

func TestBody(t *testing.T) {
	tests := []struct {
		name  string
		block map[string]any
		want  string
	}{
		{"standard", map[string]any{"include": []string{"big"}},
			`{"data":{"big":12345678901234567890},"timestamp":"2026-01-22T23:15:37Z","type":"appointment.saved"}`},
		{"raw", map[string]any{"format": "raw", "redact": []string{"customer.phone_number", "people.email"}},
			`{"appointment":{"hash":"q7W","id":4127,"notes":"a < b & c"},"big":12345678901234567890,"customer":{"first_name":"Ana","id":9},"event":"appointment.saved","people":[{"id":1},{"id":2}]}`},
		{"redact with a star", map[string]any{"format": "raw", "include": []string{"appointment", "customer"}, "redact": []string{"*.id", "customer.phone*", "appointment.[hn]*"}},
			`{"appointment":{},"customer":{"first_name":"Ana"}}`},
		{"the calendar file on demand", map[string]any{"format": "raw", "include": []string{"big"}, "ics_stream": true},
			`{"big":12345678901234567890,"ics_stream":"BEGIN:VCALENDAR"}`},
		{"easyappointments", map[string]any{"format": "easyappointments", "include": []string{"appointment", "customer"}},
			`{"action":"appointment_save","payload":{"customer":{"first_name":"Ana","id":9,"phone_number":"(11) 98765-4321"},"hash":"q7W","id":4127,"notes":"a < b & c"}}`},
		{"cloudevents", map[string]any{"format": "cloudevents", "include": []string{"big"}},
			`{"data":{"big":12345678901234567890},"datacontenttype":"application/json","id":"ev12_webhook","source":"urn:earshot:webhook","specversion":"1.0","time":"2026-01-22T23:15:37Z","type":"appointment.saved"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newReceiver(t, nil)
			if err := configured(t, local(r.URL, tt.block)).Handle(t.Context(), event([]byte(small))); err != nil {
				t.Fatal(err)
			}
			got := r.got(t, 1)[0]
			if diff := cmp.Diff(tt.want, string(got.body)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			if want := map[bool]string{true: "application/cloudevents+json", false: "application/json"}[tt.name == "cloudevents"]; got.header.Get("Content-Type") != want {
				t.Errorf("Content-Type = %q, want %q", got.header.Get("Content-Type"), want)
			}
			if got.method != "POST" {
				t.Errorf("method = %s, want POST", got.method)
			}
		})
	}
}

func TestAction(t *testing.T) {
	for event, want := range map[string]string{
		"appointment.saved": "appointment_save", "appointment.updated": "appointment_save",
		"appointment.deleted": "appointment_delete", "appointment.reminder": "appointment_reminder", "ping": "ping",
	} {
		if got := action(event); got != want {
			t.Errorf("action of %s = %s, want %s", event, got, want)
		}
	}
}

func TestTokenOfEasyAppointments(t *testing.T) {
	for _, format := range []string{formatEasyAppointments, formatStandard} {
		r := newReceiver(t, nil)
		l := configured(t, local(r.URL, map[string]any{
			"format": format, "easyappointments": map[string]any{"token": "s3cret"}, "headers": map[string]string{"X-Tenant": "aurora"},
		}))
		if err := l.Handle(t.Context(), event([]byte(small))); err != nil {
			t.Fatal(err)
		}
		got := r.got(t, 1)[0].header
		if want := map[bool]string{true: "s3cret"}[format == formatEasyAppointments]; got.Get("X-Ea-Token") != want {
			t.Errorf("%s: X-Ea-Token = %q, want %q", format, got.Get("X-Ea-Token"), want)
		}
		if got.Get("X-Tenant") != "aurora" {
			t.Errorf("%s: X-Tenant = %q, want aurora", format, got.Get("X-Tenant"))
		}
	}
}

// What cannot be read cannot be redacted: it is not sent on in any format.
func TestPayloadThatIsNoJSON(t *testing.T) {
	for _, bad := range []string{``, `{"customer":{"email":"ana@exa`, `{} {}`, `hello`} {
		for _, format := range []string{formatStandard, formatCloudEvents, formatRaw, formatEasyAppointments} {
			r := newReceiver(t, nil)
			err := configured(t, local(r.URL, map[string]any{"format": format})).Handle(t.Context(), event([]byte(bad)))
			if err == nil || !isPermanent(err) {
				t.Errorf("%s of %q: Handle = %v, want a permanent error", format, bad, err)
			}
			r.got(t, 0)
		}
	}
}

func TestPayloadThatIsNoObject(t *testing.T) {
	r := newReceiver(t, nil)
	if err := configured(t, local(r.URL, map[string]any{"format": "easyappointments"})).Handle(t.Context(), event([]byte(`[1]`))); err != nil {
		t.Fatal(err)
	}
	if got := string(r.got(t, 1)[0].body); got != `{"action":"appointment_save","payload":[1]}` {
		t.Errorf("body = %s", got)
	}
	err := configured(t, local(r.URL, map[string]any{"include": []string{"customer"}})).Handle(t.Context(), event([]byte(`[1]`)))
	if !isPermanent(err) {
		t.Errorf("include of a list: Handle = %v, want a permanent error", err)
	}
}

func TestDryRunSendsNothing(t *testing.T) {
	r := newReceiver(t, nil)
	l := configured(t, local(r.URL, nil))
	ev := event([]byte(small))
	ev.DryRun = true
	if err := l.Handle(t.Context(), ev); err != nil {
		t.Fatal(err)
	}
	r.got(t, 0)
	ev.Payload = []byte("{")
	if err := l.Handle(t.Context(), ev); !isPermanent(err) {
		t.Errorf("dry run of a bad payload = %v, want a permanent error", err)
	}
}

// The provider's calendar credentials are in no byte that leaves the machine.
func TestNoCredentialLeaves(t *testing.T) {
	for _, format := range []string{formatStandard, formatCloudEvents, formatRaw, formatEasyAppointments} {
		for _, name := range []string{"appointment.saved.json", "appointment.updated.json", "appointment.deleted.json"} {
			t.Run(format+" "+name, func(t *testing.T) {
				addr, sent := wiretap(t)
				l := configured(t, local("http://"+addr, map[string]any{"format": format, "secrets": []string{newSecret}}))
				if err := l.Handle(t.Context(), event(payload(t, name))); err != nil {
					t.Fatal(err)
				}
				got := <-sent
				if !strings.Contains(got, "customer") {
					t.Fatalf("the wire tap saw no payload: %.200s", got)
				}
				for _, secret := range []string{"google_token", `"caldav_`, "EXAMPLE-not-a-real", "password", "BEGIN:VCALENDAR"} {
					if strings.Contains(got, secret) {
						t.Errorf("%q was sent", secret)
					}
				}
			})
		}
	}
}

// wiretap accepts one connection, answers 204 once a body has ended, and tells
// every byte that came in.
func wiretap(t *testing.T) (addr string, sent <-chan string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	ch := make(chan string, 1)
	go func() {
		defer close(ch)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		var all strings.Builder
		buf := make([]byte, 32<<10)
		for {
			n, err := conn.Read(buf)
			all.Write(buf[:n])
			if _, body, ok := strings.Cut(all.String(), "\r\n\r\n"); ok && json.Valid([]byte(body)) {
				_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
				break
			}
			if err != nil {
				break
			}
		}
		ch <- all.String()
	}()
	return ln.Addr().String(), ch
}

func TestTimeOfAnEventWithoutOne(t *testing.T) {
	r := newReceiver(t, nil)
	l := configured(t, local(r.URL, nil))
	l.now = func() time.Time { return time.Date(2026, 2, 3, 4, 5, 6, 0, time.FixedZone("", -3*3600)) }
	ev := event([]byte(`{}`))
	ev.OccurredAt = time.Time{}
	if err := l.Handle(t.Context(), ev); err != nil {
		t.Fatal(err)
	}
	if got := string(r.got(t, 1)[0].body); !strings.Contains(got, `"timestamp":"2026-02-03T07:05:06Z"`) {
		t.Errorf("body = %s", got)
	}
}
