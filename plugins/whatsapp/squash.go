package main

import (
	"strings"
	"unicode"
)

// maxValue is how many characters of one value are kept: a template's body may
// have 1,024 in all.
const maxValue = 250

// maxHeader is how many characters WhatsApp takes for the value of a header.
const maxHeader = 60

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
	return clip(strings.Join(strings.Fields(s), " "), maxValue)
}

// clip keeps the first n characters at most.
func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		s = strings.TrimSpace(string(r[:n-1])) + "…"
	}
	return s
}
