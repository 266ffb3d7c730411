package dispatcher

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// encode makes JSON of a payload, and refuses what a listener could not read.
func encode(payload any) ([]byte, error) {
	var body []byte
	switch p := payload.(type) {
	case json.RawMessage:
		body = p
	case []byte:
		body = p
	case string:
		body = []byte(p)
	default:
		var err error
		if body, err = json.Marshal(p); err != nil {
			// The text of the error may hold a part of the payload.
			var kind *json.UnsupportedTypeError
			if errors.As(err, &kind) {
				return nil, fmt.Errorf("%w: a value of type %s cannot be encoded as JSON", ErrPayload, kind.Type)
			}
			return nil, fmt.Errorf("%w: a %T cannot be encoded as JSON", ErrPayload, payload)
		}
	}
	switch {
	case !json.Valid(body):
		return nil, fmt.Errorf("%w: it is not JSON", ErrPayload)
	case bytes.TrimLeft(body, " \t\r\n")[0] != '{':
		return nil, fmt.Errorf("%w: it must be a JSON object", ErrPayload)
	case !utf8.Valid(body):
		return nil, fmt.Errorf("%w: it is not valid UTF-8", ErrPayload)
	}
	return body, nil
}
