package settings

import "fmt"

// Secret is text that does not print, in whatever way it is printed.
type Secret struct{ text string }

// NewSecret hides text.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the text, for the one place that needs it.
func (s Secret) Reveal() string { return s.text }

// String is "<secret>", or "" if there is none.
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return "<secret>"
}

// Format hides the text from every verb of package fmt.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// MarshalText hides the text from JSON and its like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
