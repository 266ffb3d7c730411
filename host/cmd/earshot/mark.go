package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

const testMark = "[TEST] "

// markTest marks a payload of an appointment as a test wherever people will see
// it: in the service's and the customer's name. With to, it goes to that
// address or number and to nobody else. Other payloads stay as they are.
func markTest(payload []byte, to string) ([]byte, error) {
	var p map[string]json.RawMessage
	if err := json.Unmarshal(payload, &p); err != nil {
		return nil, fmt.Errorf("read payload: %w", err)
	}
	if to != "" && p["customer"] == nil {
		return nil, errors.New("--to needs a payload with a customer; put the address into the payload")
	}
	edits := map[string]func(map[string]any){
		"service":  func(o map[string]any) { mark(o, "name") },
		"customer": func(o map[string]any) { mark(o, "first_name"); redirect(o, to) },
	}
	if to != "" {
		edits["provider"] = silence
	}
	for key, edit := range edits {
		var o map[string]any
		if json.Unmarshal(p[key], &o) != nil || o == nil {
			continue // PHP writes an empty object as a list
		}
		edit(o)
		part, err := json.Marshal(o)
		if err != nil {
			return nil, fmt.Errorf("mark payload: %w", err)
		}
		p[key] = part
	}
	return json.Marshal(p)
}

func mark(o map[string]any, key string) {
	if name, ok := o[key].(string); ok && !strings.HasPrefix(name, testMark) {
		o[key] = testMark + name
	}
}

func silence(o map[string]any) {
	o["email"], o["phone_number"], o["mobile_number"] = nil, nil, nil
}

func redirect(o map[string]any, to string) {
	if to == "" {
		return
	}
	silence(o)
	if strings.Contains(to, "@") {
		o["email"] = to
	} else {
		o["phone_number"] = to
	}
}
