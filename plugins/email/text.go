package main

import (
	"strings"
	"unicode"
)

// oneLine makes s fit for a subject, a name or a calendar property: one line of
// at most n characters without controls, nor marks that turn the reading direction.
func oneLine(s string, n int) string {
	return cut(strings.Join(strings.Fields(strings.Map(visible, s)), " "), n)
}

// paragraph cleans free text of at most n characters and keeps its lines.
func paragraph(s string, n int) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n", "\t", " ").Replace(s)
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRightFunc(strings.Map(visible, line), unicode.IsSpace)
	}
	return cut(strings.TrimSpace(strings.Join(lines, "\n")), n)
}

// visible drops what a reader cannot see and a mail program may obey.
func visible(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
		return -1
	}
	return r
}

func cut(s string, n int) string {
	if runes := []rune(s); len(runes) > n {
		return strings.TrimSpace(string(runes[:n-1])) + "…"
	}
	return s
}
