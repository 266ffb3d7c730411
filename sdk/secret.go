package sdk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

const hidden = "[secret]"

// Secret is a text of the configuration that never prints itself, whether by
// fmt, JSON or slog. Its zero value is empty.
type Secret struct {
	// A pointer, since fmt prints an unexported field's text without asking its type.
	text *string
}

// NewSecret hides text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the text.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is no secret, or an empty one.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// String hides the text.
func (s Secret) String() string { return hidden }

// Format hides the text, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue hides the text.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalJSON hides the text.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(hidden) }

// UnmarshalJSON takes a JSON string. Its error does not hold what it read.
func (s *Secret) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return errors.New("must be text")
	}
	s.text = &text
	return nil
}
