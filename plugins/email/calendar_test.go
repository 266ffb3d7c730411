package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	ics "github.com/arran4/golang-ical"
	"github.com/google/go-cmp/cmp"

	"github.com/earshot-host/earshot/sdk/appointment"
)

// entry is what a reader of another make finds in an invitation.
type entry struct {
	Method, UID, Status, Summary, Location, Description, URL, Start, End, Stamp string
	Sequence                                                                    int
	// Organizer and Attendee are address, name and answer.
	Organizer, Attendee [3]string
	Alarms, Properties  []string
}

// readers are three independent programs that read iCalendar.
func readers(t *testing.T) map[string]func(t *testing.T, text string) entry {
	t.Helper()
	python, icaljs := os.Getenv("EARSHOT_TEST_PYTHON"), os.Getenv("EARSHOT_TEST_ICALJS")
	if python == "" || icaljs == "" {
		t.Fatal("EARSHOT_TEST_PYTHON must name a Python with icalendar and EARSHOT_TEST_ICALJS the folder of ical.js: run the tests with `make test`, which sees to both")
	}
	return map[string]func(t *testing.T, text string) entry{
		"golang-ical": readWithGolangICal,
		"icalendar": func(t *testing.T, text string) entry {
			return readWithProgram(t, text, python, "testdata/readers/read.py")
		},
		"ical.js": func(t *testing.T, text string) entry {
			return readWithProgram(t, text, "node", "testdata/readers/read.mjs", icaljs)
		},
	}
}

func readWithProgram(t *testing.T, text, program string, args ...string) (e entry) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stdin = strings.NewReader(text)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s\n%s", program, args[0], err, errs.Bytes(), text)
	}
	if err := json.Unmarshal(out, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func readWithGolangICal(t *testing.T, text string) (e entry) {
	t.Helper()
	cal, err := ics.ParseCalendar(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, p := range cal.CalendarProperties {
		if p.IANAToken == "METHOD" {
			e.Method = p.Value
		}
	}
	if len(cal.Events()) != 1 {
		t.Fatalf("%d entries, want one", len(cal.Events()))
	}
	ev := cal.Events()[0]
	value := func(name ics.ComponentProperty) string {
		if p := ev.GetProperty(name); p != nil {
			return ics.FromText(p.Value)
		}
		return ""
	}
	person := func(name ics.ComponentProperty) (who [3]string) {
		p := ev.GetProperty(name)
		if p == nil {
			return who
		}
		who[0] = p.Value
		for i, key := range []string{"CN", "PARTSTAT"} {
			if v := p.ICalParameters[key]; len(v) > 0 {
				who[i+1] = v[0]
			}
		}
		return who
	}
	e.UID, e.Status, e.Summary = value(ics.ComponentPropertyUniqueId), value(ics.ComponentPropertyStatus), value(ics.ComponentPropertySummary)
	e.Location, e.Description, e.URL = value(ics.ComponentPropertyLocation), value(ics.ComponentPropertyDescription), value(ics.ComponentPropertyUrl)
	e.Start, e.End, e.Stamp = value(ics.ComponentPropertyDtStart), value(ics.ComponentPropertyDtEnd), value(ics.ComponentPropertyDtstamp)
	e.Sequence, _ = strconv.Atoi(value(ics.ComponentPropertySequence))
	e.Organizer, e.Attendee = person(ics.ComponentPropertyOrganizer), person(ics.ComponentPropertyAttendee)
	for _, a := range ev.Alarms() {
		e.Alarms = append(e.Alarms, a.GetProperty(ics.ComponentPropertyTrigger).Value)
	}
	for _, p := range ev.Properties {
		e.Properties = append(e.Properties, p.IANAToken)
	}
	sort.Strings(e.Properties)
	e.Properties = slices.Compact(e.Properties)
	return e
}

// calendarOf is the invitation of the mail to one audience.
func calendarOf(t *testing.T, l *Listener, payload []byte, audience string) string {
	t.Helper()
	o := occasionOf(t, payload)
	for _, rcpt := range l.cfg.recipients(o.p, nil, o.ev.IdempotencyKey) {
		if rcpt.audience == audience {
			letter, err := l.cfg.compose(o, rcpt)
			if err != nil {
				t.Fatal(err)
			}
			return letter.ics
		}
	}
	t.Fatalf("nobody is %s", audience)
	return ""
}

var withStaff = strings.Replace(fileBlock, "{", `{"audiences":{"staff":[{"email":"desk@example.com","name":"Desk"}]},`, 1)

func TestCalendarIsReadByOthers(t *testing.T) {
	common := []string{"DESCRIPTION", "DTEND", "DTSTAMP", "DTSTART", "LOCATION", "ORGANIZER", "SEQUENCE", "STATUS", "SUMMARY", "UID"}
	with := func(more ...string) []string {
		list := append(slices.Clone(common), more...)
		sort.Strings(list)
		return list
	}
	// The application's own UID, so that its entries are updated.
	const uid = "ea-ca8a2d76a5bcc212226417361a5f0740"
	saved := entry{
		Method: "REQUEST", UID: uid, Status: "CONFIRMED", Summary: "Limpeza de pele / hidratação",
		Location: "Rua das Acácias, 210 - sala 4", URL: "https://agenda.example.com/index.php/booking/reschedule/q7WmT2xZr0Ka",
		Start: "20260127T171500Z", End: "20260127T180000Z", Stamp: "20260124T123109Z", Sequence: 0,
		Organizer: [3]string{"mailto:agenda@example.com", "Studio Aurora", ""},
		Attendee:  [3]string{"mailto:joao.davila@correio.example", "João Otávio D'Ávila", "ACCEPTED"},
		Alarms:    []string{"-PT60M", "-PT15M"}, Properties: with("ATTENDEE", "URL"),
	}
	staff := saved
	staff.Method, staff.Attendee, staff.Properties = "PUBLISH", [3]string{}, with("URL")
	staff.URL = "https://agenda.example.com/index.php/calendar/reschedule/q7WmT2xZr0Ka"
	deleted := saved
	deleted.Method, deleted.Status, deleted.URL = "CANCEL", "CANCELLED", ""
	deleted.Start, deleted.End, deleted.Sequence = "20260128T123000Z", "20260128T131500Z", 42395
	deleted.Alarms, deleted.Properties = []string{}, with("ATTENDEE")
	updated := entry{
		Method: "REQUEST", UID: "ea-b6a1085a27ab7bff7550f8a3bd017df8", Status: "CONFIRMED", Summary: "Fisioterapia",
		URL:   "https://agenda.example.com/index.php/booking/reschedule/Zp0aB9cD3eF6",
		Start: "20260203T023000Z", End: "20260203T030000Z", Stamp: "20260124T123109Z", Sequence: 1639869,
		Organizer:  [3]string{"mailto:agenda@example.com", "Físio & Norte", ""},
		Attendee:   [3]string{"mailto:lucja@correio.example", "Łucja Ñandú", "ACCEPTED"},
		Alarms:     []string{"-PT60M", "-PT15M"},
		Properties: []string{"ATTENDEE", "DESCRIPTION", "DTEND", "DTSTAMP", "DTSTART", "ORGANIZER", "SEQUENCE", "STATUS", "SUMMARY", "UID", "URL"},
	}
	tests := []struct {
		file, audience string
		want           entry
	}{
		{"appointment.saved.json", toCustomer, saved},
		{"appointment.saved.json", toStaff, staff},
		{"appointment.updated.json", toCustomer, updated},
		{"appointment.deleted.json", toCustomer, deleted},
	}
	l := configured(t, withStaff)
	for name, read := range readers(t) {
		for _, tt := range tests {
			t.Run(name+"/"+tt.file+"/"+tt.audience, func(t *testing.T) {
				got := read(t, calendarOf(t, l, readFile(t, tt.file), tt.audience))
				if !strings.Contains(got.Description, "Márcia Queiroz Lima\n") && !strings.Contains(got.Description, "Ricardo Sá\n") {
					t.Errorf("the description %q does not name the provider on a line", got.Description)
				}
				got.Description = ""
				got.Alarms, tt.want.Alarms = sameTriggers(got.Alarms), sameTriggers(tt.want.Alarms)
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("the entry (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// sameTriggers writes an hour as one: readers may.
func sameTriggers(list []string) []string {
	out := []string{}
	for _, s := range list {
		out = append(out, strings.Replace(s, "-PT60M", "-PT1H", 1))
	}
	return out
}

// hostile are names that try to get out of the place they are written to.
var hostile = map[string]string{
	"line breaks":   "Ana\r\nATTENDEE:mailto:evil@example.com\r\nX-EVIL:1",
	"folded":        "Ana\r\n Lima\n\tX-EVIL:1",
	"quotes":        `Ana "; X-EVIL="1":mailto:evil@example.com`,
	"separators":    `Ana; Lima, Jr.: "Nana" \ \n \, ^n ^'`,
	"template":      `{{.Payload.Appointment.Hash}} {{template "rows"}} %s %d`,
	"direction":     "Ana \u202e\u2066amiL\u2069 \u200f",
	"control":       "Ana\x00\x07\x1b[31m\x7f\u0085\u2028Lima",
	"emoji":         "👩‍⚕️ Ana 🦷 Ñandú 李",
	"long":          strings.Repeat("Ana Ñandú 🦷 ", 60),
	"broken UTF-8":  "Ana \xff\xfe Lima",
	"end of entry":  "Ana\nEND:VEVENT\nBEGIN:VEVENT\nUID:2",
	"markup":        `<script>alert(1)</script><a href="javascript:x">&amp;</a>`,
	"encoded words": "=?UTF-8?B?QW5h?= =?utf-8?q?=0D=0ABcc:_evil@example.com?=",
}

// hostilePayload puts text wherever somebody can type.
func hostilePayload(t *testing.T, text string) []byte {
	t.Helper()
	var p map[string]any
	if err := json.Unmarshal(readFile(t, "appointment.saved.json"), &p); err != nil {
		t.Fatal(err)
	}
	for block, keys := range map[string][]string{
		"customer": {"first_name", "last_name", "address", "phone_number"}, "provider": {"first_name", "last_name"},
		"service": {"name", "description"}, "appointment": {"notes", "location", "status"}, "settings": {"company_name", "company_color", "company_link"},
	} {
		for _, key := range keys {
			p[block].(map[string]any)[key] = text
		}
	}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestCalendarIsSafeWithHostileNames(t *testing.T) {
	l := configured(t, withStaff)
	all := readers(t)
	for what, text := range hostile {
		t.Run(what, func(t *testing.T) {
			calendar := calendarOf(t, l, hostilePayload(t, text), toCustomer)
			for _, line := range strings.SplitAfter(strings.TrimSuffix(calendar, "\r\n"), "\r\n") {
				line, ended := strings.CutSuffix(line, "\r\n")
				if len(line) > 75 || !utf8.ValidString(line) || strings.ContainsAny(line, "\r\n\x00\x07\x1b") {
					t.Errorf("line of %d octets, ended %t: %q", len(line), ended, line)
				}
			}
			if want := "SUMMARY:Ana\\; Lima\\, Jr.:"; what == "separators" && !strings.Contains(calendar, want) {
				t.Errorf("the separators in %q are not escaped", text)
			}
			var first *entry
			for _, name := range []string{"golang-ical", "icalendar", "ical.js"} {
				got := all[name](t, calendar)
				want := []string{"ATTENDEE", "DESCRIPTION", "DTEND", "DTSTAMP", "DTSTART", "LOCATION", "ORGANIZER", "SEQUENCE", "STATUS", "SUMMARY", "UID", "URL"}
				if diff := cmp.Diff(want, got.Properties); diff != "" {
					t.Errorf("%s: the properties (-want +got):\n%s", name, diff)
				}
				if got.Attendee[0] != "mailto:joao.davila@correio.example" || got.UID != "ea-ca8a2d76a5bcc212226417361a5f0740" {
					t.Errorf("%s: attendee %v, UID %q", name, got.Attendee, got.UID)
				}
				got.Alarms = sameTriggers(got.Alarms)
				if strings.Contains(text, `\`) { // two of the three read a backslash and an n as a line break
					got.Summary, got.Location, got.Description = "", "", ""
				}
				if first == nil {
					first = &got
				} else if diff := cmp.Diff(*first, got); diff != "" {
					t.Errorf("%s reads it differently (-golang-ical +%s):\n%s", name, name, diff)
				}
			}
		})
	}
}

// A change outranks what came before it, and a cancellation the last change.
func TestCalendarSequenceRises(t *testing.T) {
	l := configured(t, fileBlock)
	last := -1
	for _, step := range []struct{ event, updated string }{
		{"appointment.saved", "2026-01-22 20:15:37"}, {"appointment.updated", "2026-01-22 20:15:38"},
		{"appointment.updated", "2026-01-24 09:00:00"}, {"appointment.deleted", "2026-01-24 09:00:00"},
	} {
		payload := strings.NewReplacer(`"event":"appointment.saved"`, fmt.Sprintf(`"event":%q`, step.event),
			`"update_datetime":"2026-01-22 20:15:37","book_datetime"`, fmt.Sprintf(`"update_datetime":%q,"book_datetime"`, step.updated)).
			Replace(string(readFile(t, "appointment.saved.json")))
		got := readWithGolangICal(t, calendarOf(t, l, []byte(payload), toCustomer)).Sequence
		if got <= last {
			t.Errorf("%s at %s has sequence %d after %d", step.event, step.updated, got, last)
		}
		last = got
	}
}

func TestCalendarConfiguration(t *testing.T) {
	saved := readFile(t, "appointment.saved.json")
	block := func(calendar string) *Listener {
		return configured(t, strings.Replace(fileBlock, "{", `{"calendar":`+calendar+",", 1))
	}
	if got := calendarOf(t, block(`{"mode":"none"}`), saved, toCustomer); got != "" {
		t.Errorf("mode none still has %q", got)
	}
	p := &appointment.Payload{}
	if err := json.Unmarshal(saved, p); err != nil {
		t.Fatal(err)
	}
	if got := calendarOf(t, block(`{"mode":"passthrough"}`), saved, toCustomer); got != p.ICSStream {
		t.Error("mode passthrough changes the application's file")
	}
	if got := calendarOf(t, block(`{"mode":"passthrough"}`), readFile(t, "appointment.deleted.json"), toCustomer); got != "" {
		t.Errorf("mode passthrough invents %q", got)
	}
	got := readWithGolangICal(t, calendarOf(t, block(`{"rsvp":true,"organizer":"provider","alarms":["1d"]}`), saved, toCustomer))
	if got.Attendee[2] != "NEEDS-ACTION" || got.Organizer[0] != "mailto:marcia.lima@studio-aurora.example" || strings.Join(got.Alarms, " ") != "-PT1440M" {
		t.Errorf("attendee %v, organizer %v, alarms %v", got.Attendee, got.Organizer, got.Alarms)
	}
	if got := readWithGolangICal(t, calendarOf(t, block(`{"alarms":[]}`), saved, toCustomer)); len(got.Alarms) != 0 {
		t.Errorf("alarms %v, want none", got.Alarms)
	}
}
