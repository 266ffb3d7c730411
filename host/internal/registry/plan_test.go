package registry_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/earshot-host/earshot/host/internal/event"
)

const routes = `
version: 1
listeners:
  email: {plugin: email, order_by: appointment.id}
  log: {plugin: log}
  sms: {plugin: sms}
events:
  appointment.saved: [email, sms: {when: {customer.phone_number: present}}]
  appointment.updated: []
  appointment.*: [log, email: {when: {appointment.status: [Booked, Draft]}}, email]
  stock.low: [sms: {when: {level: low}}, sms: {when: {level: none}}]
`

func TestPlan(t *testing.T) {
	r := parse(t, routes)
	tests := []struct{ name, event, payload, want string }{
		{"condition holds", "appointment.saved", `{"appointment":{"id":7},"customer":{"phone_number":"1"}}`, "email/7 sms/ log/"},
		{"condition does not hold", "appointment.saved", `{"appointment":{"id":"7"},"customer":{"phone_number":""}}`, "email/7 log/"},
		{"order is lost with its key", "appointment.saved", `{"appointment":null}`, "email/ log/"},
		{"an object is no key of order", "appointment.saved", `{"appointment":{"id":{"a":1}}}`, "email/ log/"},
		{"a wildcard adds to an empty entry", "appointment.updated", `{}`, "log/ email/"},
		{"a wildcard alone", "appointment.x.y", `{}`, "log/ email/"},
		{"either condition", "stock.low", `{"level":"none"}`, "sms/"},
		{"neither condition", "stock.low", `{"level":"high"}`, ""},
		{"a prefix is not the event", "appointment", `{}`, `refused: no listener is registered for "appointment"; add it to events in events.yaml, then run: earshot queue retry 5`},
		{"names differ in case", "Appointment.saved", `{}`, `refused: no listener is registered for "Appointment.saved"; add it to events in events.yaml, then run: earshot queue retry 5`},
		{"a bad payload is refused in any case", "appointment.updated", `[]`, "refused: payload is a list; it must be a JSON object"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plan := r.Plan(event.Event{ID: 5, Name: tt.event, Payload: []byte(tt.payload)})
			if got := planText(plan); got != tt.want {
				t.Errorf("Plan = %s\nwant   %s", got, tt.want)
			}
		})
	}
}

func planText(plan event.Plan) string {
	var words []string
	for _, t := range plan.Targets {
		words = append(words, t.Listener+"/"+t.OrderingKey)
	}
	if plan.Refused != "" {
		words = append(words, "refused: "+plan.Refused)
	}
	return strings.Join(words, " ")
}

func TestUnmatchedMayBeDone(t *testing.T) {
	r := parse(t, "version: 1\nlisteners:\nevents:\nunmatched: process")
	if plan := r.Plan(event.Event{Name: "x", Payload: []byte("{}")}); plan.Refused != "" || len(plan.Targets) > 0 {
		t.Errorf("Plan = %+v", plan)
	}
	if plan := r.Plan(event.Event{Name: "x", Payload: []byte("0")}); plan.Refused == "" {
		t.Error("a payload of 0 was not refused")
	}
}

func TestLongOrderingKeyFitsItsColumn(t *testing.T) {
	r := parse(t, "version: 1\nlisteners: {a: {plugin: log, order_by: k}}\nevents: {x: [a]}")
	key := func(k string) string {
		return r.Plan(event.Event{Name: "x", Payload: fmt.Appendf(nil, `{"k":%q}`, k)}).Targets[0].OrderingKey
	}
	long := strings.Repeat("k", 300)
	if a, b := key(long+"a"), key(long+"b"); a == b || len(a) > 191 || a != key(long+"a") {
		t.Errorf("keys %q and %q", a, b)
	}
	if got := key("çã 1"); got != "çã 1" {
		t.Errorf("key = %q", got)
	}
}

func TestConditions(t *testing.T) {
	tests := []struct{ when, payload, want string }{
		{"a: present", `{"a":0}`, "yes"},
		{"a: present", `{"a":false}`, "yes"},
		{"a: present", `{"a":[0]}`, "yes"},
		{"a: present", `{"a":" \n"}`, "no"},
		{"a: present", `{"a":"\u0020"}`, "no"},
		{"a: present", `{"a":null}`, "no"},
		{"a: present", `{"a": [ ] }`, "no"},
		{"a: present", `{"a":{}}`, "no"},
		{"a: present", `{"A":1}`, "no"},
		{"a: absent", `{}`, "yes"},
		{"a: absent", `{"a":""}`, "yes"},
		{"a: absent", `{"a":1}`, "no"},
		{"a.b.c: absent", `{"a":{"b":5}}`, "yes"},
		{"a.b.c: x", ` { "a" : { "z":[{"c":"x"}], "b" : { "c" : "x" } } } `, "yes"},
		{"a: 3", `{"a":"3"}`, "yes"},
		{"a: '3'", `{"a":3}`, "yes"},
		{"a: 1.5", `{"a":1.50}`, "yes"},
		{"a: 3", `{"a":3.0}`, "yes"},
		{"a: 9007199254740993", `{"a":9007199254740992}`, "no"},
		{"a: true", `{"a":"1"}`, "yes"},
		{"a: true", `{"a":1}`, "yes"},
		{"a: true", `{"a":true}`, "yes"},
		{"a: false", `{"a":"0"}`, "yes"},
		{"a: false", `{"a":null}`, "no"},
		{"a: 1", `{"a":true}`, "no"},
		{"a: [x, y]", `{"a":"y"}`, "yes"},
		{"a: [present]", `{"a":"present"}`, "yes"},
		{"a: [present]", `{"a":"x"}`, "no"},
		{"a: x", `{"a":["w","x"]}`, "yes"},
		{"a: x", `{"a":[["x"]]}`, "no"},
		{"a: x", `{"a":{"x":1}}`, "no"},
		{"a: x", `{"a":"x","a":"y"}`, "no"},
		{"a: é", `{"a":"\u00e9"}`, "yes"},
		{"é: x", `{"\u00e9":"x"}`, "yes"},
		{"a: 'say \"x\"'", `{"a":"say \"x\""}`, "yes"},
		{"{a: x, b: y}", `{"a":"x","b":"z"}`, "no"},
		{"{a: x, b: y}", `{"b":"y","a":"x"}`, "yes"},
	}
	for _, tt := range tests {
		t.Run(tt.when+" "+tt.payload, func(t *testing.T) {
			when := tt.when
			if when[0] != '{' {
				when = "{" + when + "}"
			}
			r := parse(t, "version: 1\nlisteners: {a: {plugin: log}}\nevents: {e: [a: {when: "+when+"}]}")
			got := "no"
			if len(r.Plan(event.Event{Name: "e", Payload: []byte(tt.payload)}).Targets) == 1 {
				got = "yes"
			}
			if got != tt.want {
				t.Errorf("told: %s, want %s", got, tt.want)
			}
		})
	}
}

func TestExplain(t *testing.T) {
	r := parse(t, routes)
	var got []string
	for _, m := range r.Explain("appointment.saved", []byte(`{"customer":{}}`)) {
		got = append(got, fmt.Sprintf("%s %s %v %s", m.Entry, m.Listener, m.Told, m.Why))
	}
	want := []string{
		"appointment.saved email true ",
		"appointment.saved sms false it is not so that customer.phone_number is present",
		"appointment.* log true ",
		"appointment.* email false is told already, by appointment.saved",
		"appointment.* email false is told already, by appointment.saved",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := r.Explain("stock.high", nil); got != nil {
		t.Errorf("Explain of an unknown event = %v", got)
	}
	if got := r.Nearest("appointment.save"); got != `; did you mean "appointment.saved"?` {
		t.Errorf("Nearest = %q", got)
	}
}

// TestExplainAgreesWithPlan: what config routes shows must be what happens.
func TestExplainAgreesWithPlan(t *testing.T) {
	r := parse(t, routes)
	for _, name := range []string{"appointment.saved", "appointment.updated", "appointment.deleted", "stock.low", "other"} {
		for _, payload := range []string{`{}`, `{"customer":{"phone_number":"1"},"appointment":{"status":"Draft"}}`, `{"level":"low"}`} {
			plan := r.Plan(event.Event{Name: name, Payload: []byte(payload)})
			told := make(map[string]bool)
			for _, m := range r.Explain(name, []byte(payload)) {
				if m.Told {
					told[m.Listener] = true
				}
			}
			planned := make(map[string]bool)
			for _, target := range plan.Targets {
				planned[target.Listener] = true
			}
			if diff := cmp.Diff(planned, told); diff != "" {
				t.Errorf("%s %s: %s", name, payload, diff)
			}
		}
	}
}
