package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// A column of type TEXT holds 65,535 bytes; MySQL cuts what is longer without a
// word unless its mode is strict, and never in the middle of a character.
const (
	textColumn = 65535
	maxRune    = 4
)

// CheckPayload says why a payload cannot be used; nil for a JSON object.
func CheckPayload(payload []byte) error {
	start := 0
	for start < len(payload) && (payload[start] == ' ' || payload[start] == '\t' || payload[start] == '\n' || payload[start] == '\r') {
		start++
	}
	if start == len(payload) {
		return errors.New("payload is empty; it must be a JSON object")
	}
	if !json.Valid(payload) {
		return notJSON(payload)
	}
	if payload[start] != '{' {
		return fmt.Errorf("payload is %s; it must be a JSON object", kindOf(payload[start]))
	}
	if !utf8.Valid(payload) {
		return fmt.Errorf("payload is not valid UTF-8 at byte %d; the application must write UTF-8", invalidUTF8(payload))
	}
	return nil
}

func notJSON(payload []byte) error {
	if n := len(payload); n <= textColumn && n > textColumn-maxRune {
		return fmt.Errorf("payload is cut off at %d bytes: its column is TEXT, which holds no more; make it LONGTEXT", n)
	}
	at := len(payload)
	var syntax *json.SyntaxError
	if err := json.Unmarshal(payload, new(json.RawMessage)); errors.As(err, &syntax) {
		if strings.Contains(syntax.Error(), "max depth") {
			return errors.New("payload is nested deeper than 10000 levels")
		}
		at = int(syntax.Offset)
	}
	if at >= len(payload) {
		return fmt.Errorf("payload is not JSON: it ends too early, after %d bytes", len(payload))
	}
	return fmt.Errorf("payload is not JSON: byte %d of %d does not belong there", at, len(payload))
}

func kindOf(first byte) string {
	switch first {
	case '[':
		return "a list"
	case '"':
		return "text"
	case 'n':
		return "null"
	case 't', 'f':
		return "true or false"
	}
	return "a number"
}

func invalidUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(b)
}
