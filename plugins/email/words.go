package main

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"text/template"
	"time"
)

// words are the texts of one language, from <tag>.json. A file of its own per
// language keeps translators away from Go and from HTML.
type words struct {
	Greeting string             `json:"greeting"`
	Footer   string             `json:"footer"`
	Messages map[string]message `json:"messages"`
	Labels   map[string]string  `json:"labels"`
	// Statuses translates the application's own list; another status stays as it is.
	Statuses map[string]string `json:"statuses"`
	// Dates has a pattern for each date format of the application.
	Dates    map[string]string `json:"dates"`
	Weekdays []string          `json:"weekdays"`
	Months   []string          `json:"months"`
}

// message is what one kind of mail says; all are templates over a view.
type message struct {
	Subject string `json:"subject"`
	Heading string `json:"heading"`
	Intro   string `json:"intro"`
}

// merged is w with what over says in place of its own.
func (w *words) merged(over *words) *words {
	m := *w
	if over.Greeting != "" {
		m.Greeting = over.Greeting
	}
	if over.Footer != "" {
		m.Footer = over.Footer
	}
	m.Messages = make(map[string]message, len(w.Messages))
	for name, text := range w.Messages {
		m.Messages[name] = text
	}
	for name, text := range over.Messages {
		old := m.Messages[name]
		m.Messages[name] = message{
			Subject: cmp.Or(text.Subject, old.Subject), Heading: cmp.Or(text.Heading, old.Heading), Intro: cmp.Or(text.Intro, old.Intro),
		}
	}
	m.Labels, m.Statuses, m.Dates = union(w.Labels, over.Labels), union(w.Statuses, over.Statuses), union(w.Dates, over.Dates)
	if len(over.Weekdays) > 0 {
		m.Weekdays = over.Weekdays
	}
	if len(over.Months) > 0 {
		m.Months = over.Months
	}
	return &m
}

func union(a, b map[string]string) map[string]string {
	u := make(map[string]string, len(a)+len(b))
	maps.Copy(u, a)
	maps.Copy(u, b)
	return u
}

// missing lists what like says and w does not.
func (w *words) missing(like *words) []string {
	var keys []string
	need := func(key string, there bool) {
		if !there {
			keys = append(keys, key)
		}
	}
	need("greeting", w.Greeting != "")
	need("footer", w.Footer != "")
	need("weekdays (seven, from Sunday)", len(w.Weekdays) == 7)
	need("months (twelve)", len(w.Months) == 12)
	for _, name := range slices.Sorted(maps.Keys(like.Messages)) {
		m := w.Messages[name]
		need("messages."+name, m.Subject != "" && m.Heading != "" && m.Intro != "")
	}
	for _, name := range slices.Sorted(maps.Keys(like.Labels)) {
		need("labels."+name, w.Labels[name] != "")
	}
	for _, name := range slices.Sorted(maps.Keys(like.Dates)) {
		need("dates."+name, w.Dates[name] != "")
	}
	return keys
}

// say fills in one text.
func say(text string, data any) (string, error) {
	t, err := template.New("text").Option("missingkey=error").Parse(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := t.Execute(&b, data); err != nil {
		return "", err
	}
	return b.String(), nil
}

// date writes a date in words; short writes it in figures, with the hour.
func (w *words) date(t time.Time, dateFormat string) string {
	pattern, ok := w.Dates[dateFormat]
	if !ok {
		pattern = w.Dates["DMY"]
	}
	return strings.NewReplacer(
		"{weekday}", w.Weekdays[t.Weekday()], "{month}", w.Months[t.Month()-1],
		"{d}", t.Format("2"), "{yyyy-mm-dd}", t.Format("2006-01-02"), "{yyyy}", t.Format("2006"),
	).Replace(pattern)
}

func (w *words) short(t time.Time, dateFormat, timeFormat string) string {
	layout := "02/01/2006"
	switch dateFormat {
	case "MDY":
		layout = "01/02/2006"
	case "YMD":
		layout = "2006-01-02"
	}
	return t.Format(layout) + " " + hour(t, timeFormat)
}

// hour is military unless the company wants it regular.
func hour(t time.Time, timeFormat string) string {
	if timeFormat == "regular" {
		return t.Format("3:04 pm")
	}
	return t.Format("15:04")
}

// zoneLabel names the reader's zone with its distance from UTC at that time.
func zoneLabel(t time.Time) string {
	name := t.Location().String()
	if name == "UTC" {
		return name
	}
	return strings.ReplaceAll(name, "_", " ") + " (UTC" + t.Format("-07:00") + ")"
}
