package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// consentConfig says how the listener knows that a customer agreed to be
// written to. WhatsApp and data protection laws want it, so there is no default.
type consentConfig struct {
	// Mode is assume or field.
	Mode string `json:"mode" jsonschema:"enum=assume,enum=field"`
	// Field is a key of the customer, such as custom_field_5, and Values are
	// what it holds if the customer agreed; letter case does not matter.
	Field  string   `json:"field"`
	Values []string `json:"values"`
}

func (c *consentConfig) read(fault faultFunc) {
	switch c.Mode {
	case "assume":
	case "field":
		if c.Field == "" {
			fault("consent.field", "is missing: name a key of the customer, such as custom_field_5")
		}
		if len(c.Values) == 0 {
			c.Values = []string{"sim", "yes", "1", "true", "on"}
		}
	case "":
		fault("consent.mode", "is missing: use assume if every customer has agreed to get WhatsApp messages, or field and the customer's field that says so")
	default:
		fault("consent.mode", "%q is unknown: use assume or field", c.Mode)
	}
}

// given reports whether the customer of a payload agreed.
func (c *consentConfig) given(payload []byte) bool {
	if c.Mode == "assume" {
		return true
	}
	// The typed payload has no place for fields that each shop names itself.
	var p struct {
		Customer map[string]any `json:"customer"`
	}
	if err := json.Unmarshal(payload, &p); err != nil {
		return false
	}
	value, ok := p.Customer[c.Field]
	if !ok || value == nil {
		return false
	}
	said := strings.TrimSpace(fmt.Sprint(value))
	return slices.ContainsFunc(c.Values, func(v string) bool { return strings.EqualFold(said, strings.TrimSpace(v)) })
}
