package main

import (
	"bytes"
	"encoding/json"
	"regexp"
)

// masked stands in the place of a text that may be about a person.
const masked = "•••"

// harmless texts say when something is, or count it.
var harmless = regexp.MustCompile(`^([0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9:.]{5,15}(Z|[+-][0-9:]{2,6})?)?|[0-9]{2}:[0-9]{2}(:[0-9]{2})?|[0-9]{1,6})?$`)

// showPayload returns a payload as JSON: as it is when revealed, and else with
// every text masked but for dates, times and short numbers. What is not JSON is
// shown as a text, or masked as a whole.
func showPayload(payload []byte, reveal bool) json.RawMessage {
	dec := json.NewDecoder(bytes.NewReader(payload))
	dec.UseNumber()
	var doc any
	if !json.Valid(payload) || dec.Decode(&doc) != nil {
		doc = string(payload)
		if !reveal {
			doc = masked
		}
		return encode(doc)
	}
	if reveal {
		return payload
	}
	return encode(mask(doc))
}

func mask(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, in := range v {
			v[name] = mask(in)
		}
		return v
	case []any:
		for i, in := range v {
			v[i] = mask(in)
		}
		return v
	case string:
		if !harmless.MatchString(v) {
			return masked
		}
	case json.Number:
		// A long number may be a telephone's or a person's.
		if !harmless.MatchString(v.String()) && len(v) > 8 {
			return masked
		}
	}
	return v
}

// encode writes JSON for people: < and & as they are.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return json.RawMessage(`null`)
	}
	return bytes.TrimSpace(b.Bytes())
}

func indented(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		return string(raw)
	}
	return b.String()
}
