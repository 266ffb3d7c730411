package supervisor

import (
	"encoding/json"
	"strings"
)

// redacted stands where a secret stood.
const redacted = "[redacted]"

// shortest is the length below which a secret is not searched for: it would
// blot out half of every log line.
const shortest = 4

// newRedactor makes a replacer for secrets as they are and as JSON escapes
// them. A key of several lines is found line by line, as logs are.
func newRedactor(secrets []string) *strings.Replacer {
	var pairs []string
	for _, secret := range secrets {
		for line := range strings.Lines(secret) {
			line = strings.TrimSpace(line)
			if len(line) < shortest {
				continue
			}
			pairs = append(pairs, line, redacted)
			if quoted, err := json.Marshal(line); err == nil {
				if escaped := string(quoted[1 : len(quoted)-1]); escaped != line {
					pairs = append(pairs, escaped, redacted)
				}
			}
		}
	}
	return strings.NewReplacer(pairs...)
}

// redactValue goes through what a JSON log line may hold.
func redactValue(r *strings.Replacer, v any) any {
	switch v := v.(type) {
	case string:
		return r.Replace(v)
	case []any:
		for i := range v {
			v[i] = redactValue(r, v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = redactValue(r, v[k])
		}
	}
	return v
}
