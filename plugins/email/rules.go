package main

import (
	"strings"

	"github.com/earshot-host/earshot/sdk"
)

// rule sorts replies of the mail server, whose meaning providers bend.
type rule struct {
	Match struct {
		// Code is the reply's three digits; 0 matches all.
		Code int `json:"code"`
		// Enhanced is a status code like 5.7.1; empty matches all.
		Enhanced string `json:"enhanced"`
		// Text is a part of what the server says, in any case; empty matches all.
		Text string `json:"text"`
	} `json:"match"`
	// As is retry, permanent or unavailable.
	As string `json:"as" jsonschema:"required,enum=retry,enum=permanent,enum=unavailable"`
	// After is how long to wait; 0 leaves it to the host.
	After sdk.Duration `json:"after"`

	class class
}

func (r *rule) complete(path string, fault faultFunc) {
	m := &r.Match
	switch {
	case m.Code == 0 && m.Enhanced == "" && m.Text == "":
		fault(path+"match", "is missing: give at least one of code, enhanced and text")
	case m.Code != 0 && (m.Code < 400 || m.Code > 599):
		fault(path+"match.code", "%d is not a refusal: it must be from 400 to 599", m.Code)
	case m.Enhanced != "" && enhancedCode(m.Enhanced) != m.Enhanced:
		fault(path+"match.enhanced", "%q is not a status code like 5.7.1", m.Enhanced)
	}
	classes := map[string]class{"retry": retry, "permanent": permanent, "unavailable": unavailable}
	if r.class = classes[r.As]; r.class == 0 {
		fault(path+"as", "%q is unknown: use retry, permanent or unavailable", r.As)
	}
	if r.After != 0 && r.class == permanent {
		fault(path+"after", "has no meaning for permanent")
	}
}

// byRules sorts a reply by the first rule that matches it, if one does.
func (f *failure) byRules(rules []rule, code int, text string) bool {
	for _, r := range rules {
		m := r.Match
		if m.Code != 0 && m.Code != code || m.Enhanced != "" && m.Enhanced != enhancedCode(text) ||
			!strings.Contains(strings.ToLower(text), strings.ToLower(m.Text)) {
			continue
		}
		f.class, f.after = r.class, r.After.Std()
		return true
	}
	return false
}
