package main

import (
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// icsWriter writes iCalendar (RFC 5545). The libraries at hand either let a
// line break in a customer's name start a property of its own or do not fold
// lines.
type icsWriter struct{ b strings.Builder }

// line writes name and value as they are, unless there is a value and it is empty.
func (w *icsWriter) line(name string, value ...string) {
	if len(value) > 0 && value[0] == "" {
		return
	}
	fold(&w.b, name+strings.Join(value, ""))
}

// text writes a text property; an empty one is left out.
func (w *icsWriter) text(name, value string) {
	w.line(name+":", strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`).Replace(value))
}

func (w *icsWriter) time(name string, t time.Time) {
	w.line(name + ":" + t.UTC().Format("20060102T150405Z"))
}

// person writes somebody with a name that cannot end its quotes. Readers
// disagree about backslashes and carets (RFC 6868) in there.
func (w *icsWriter) person(property, name, address, params string) {
	if name != "" {
		params += `;CN="` + strings.NewReplacer(`"`, "'", `\`, "/", "^", "'").Replace(oneLine(name, maxLine)) + `"`
	}
	at := strings.LastIndexByte(address, '@')
	w.line(property + params + ":mailto:" + url.PathEscape(address[:at]) + address[at:])
}

func (w *icsWriter) alarm(trigger, text string) {
	w.line("BEGIN:VALARM")
	w.line("ACTION:DISPLAY")
	w.line("TRIGGER:" + trigger)
	w.text("DESCRIPTION", text)
	w.line("END:VALARM")
}

// fold breaks a line so that none is longer than 75 octets, and never inside
// a character.
func fold(b *strings.Builder, line string) {
	limit := 75
	for len(line) > limit {
		n := limit
		for n > 0 && !utf8.RuneStart(line[n]) {
			n--
		}
		b.WriteString(line[:n] + "\r\n ")
		line, limit = line[n:], 74 // the space counts
	}
	b.WriteString(line + "\r\n")
}
