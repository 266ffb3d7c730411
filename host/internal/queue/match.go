package queue

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// matches reports whether the payload has all the wanted values. A payload that
// is not JSON has none.
func matches(payload []byte, wanted []Match) bool {
	if len(wanted) == 0 {
		return true
	}
	dec := json.NewDecoder(bytes.NewReader(payload))
	dec.UseNumber()
	var doc any
	if dec.Decode(&doc) != nil {
		return false
	}
	for _, m := range wanted {
		if !m.holds(doc) {
			return false
		}
	}
	return true
}

func (m Match) holds(v any) bool {
	for name := range strings.SplitSeq(m.Path, ".") {
		switch in := v.(type) {
		case map[string]any:
			found, ok := in[name]
			if !ok {
				return false
			}
			v = found
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(in) {
				return false
			}
			v = in[i]
		default:
			return false
		}
	}
	switch v := v.(type) {
	case string:
		return v == m.Value
	case json.Number:
		return v.String() == m.Value
	case bool:
		return strconv.FormatBool(v) == m.Value
	case nil:
		return m.Value == "null"
	}
	return false
}
