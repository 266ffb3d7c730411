package main

import (
	"strings"
	"unicode"
)

// maxValue is how many characters of one value are kept: a template's body may
// have 1,024 in all.
const maxValue = 250

// squash makes one line of a value. WhatsApp refuses parameters with line ends,
// tabs or more than four spaces in a row, and nobody's name should be able to
// turn the direction of a text around.
func squash(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > maxValue {
		s = strings.TrimSpace(string(r[:maxValue-1])) + "…"
	}
	return s
}
