package main

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	texttemplate "text/template"

	"github.com/earshot-host/earshot/sdk/appointment"
)

//go:embed templates
var builtIn embed.FS

// templateSet is all that mails are written with: the built-in texts and
// layouts, and over them those of a folder.
type templateSet struct {
	words map[string]*words
	// layouts has text and HTML by their names in the folder less the ending:
	// "message", "booked/customer" or "booked/customer.pt-BR".
	text, subjects map[string]*texttemplate.Template
	html           map[string]*htmltemplate.Template
}

// loadTemplates reads the built-in files and, if dir is not empty, those of dir.
func loadTemplates(dir string) (*templateSet, error) {
	s := &templateSet{
		words: make(map[string]*words), text: make(map[string]*texttemplate.Template),
		subjects: make(map[string]*texttemplate.Template), html: make(map[string]*htmltemplate.Template),
	}
	own, err := fs.Sub(builtIn, "templates")
	if err != nil {
		return nil, err
	}
	if err := s.load(own); err != nil {
		return nil, err
	}
	if dir == "" {
		return s, nil
	}
	if info, err := os.Stat(dir); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a folder", dir)
	}
	if err := s.load(os.DirFS(dir)); err != nil {
		return nil, err
	}
	return s, nil
}

// load reads all files at once, so that one run shows every fault.
func (s *templateSet) load(files fs.FS) error {
	var faults []error
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err == nil {
			err = s.add(name, string(data))
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
		}
		return nil
	})
	return errors.Join(append(faults, err)...)
}

// add takes one file by what its name says it is.
func (s *templateSet) add(name, content string) (err error) {
	if tag, ok := strings.CutSuffix(name, ".json"); ok && !strings.Contains(tag, "/") {
		return s.addWords(tag, content)
	}
	layout := regexp.MustCompile(`^(message|(booked|changed|cancelled)/(customer|provider|staff)(\.[A-Za-z]{2,3}(-[A-Za-z0-9]+)*)?)\.(subject\.txt|txt|html)$`)
	if !layout.MatchString(name) || name == "message.subject.txt" {
		return errors.New("is no file that mails are made of: use names like pt-BR.json, message.html or booked/customer.pt-BR.txt")
	}
	switch {
	case strings.HasSuffix(name, ".subject.txt"):
		s.subjects[strings.TrimSuffix(name, ".subject.txt")], err = texttemplate.New(name).Funcs(funcs()).Parse(content)
	case strings.HasSuffix(name, ".txt"):
		s.text[strings.TrimSuffix(name, ".txt")], err = texttemplate.New(name).Funcs(funcs()).Parse(content)
	default:
		s.html[strings.TrimSuffix(name, ".html")], err = s.parseHTML(name, content)
	}
	return err
}

// parseHTML lets a layout of the folder use the parts of the built-in one.
func (s *templateSet) parseHTML(name, content string) (*htmltemplate.Template, error) {
	t := htmltemplate.New(name).Funcs(funcs())
	parts, err := builtIn.ReadFile("templates/message.html")
	if err != nil {
		return nil, err
	}
	if _, err := t.New("built-in").Parse(string(parts)); err != nil {
		return nil, err
	}
	return t.Parse(content)
}

func (s *templateSet) addWords(tag, content string) error {
	w := &words{}
	dec := json.NewDecoder(strings.NewReader(content))
	dec.DisallowUnknownFields()
	if err := dec.Decode(w); err != nil {
		return err
	}
	if below := s.words[tag]; below != nil {
		w = below.merged(w)
	}
	// The first language read is complete by our own tests, and all others must be like it.
	if like := s.words["en"]; like != nil {
		if missing := w.missing(like); len(missing) > 0 {
			return fmt.Errorf("misses %s", strings.Join(missing, ", "))
		}
	}
	s.words[tag] = w
	return nil
}

func funcs() map[string]any {
	return map[string]any{"truncate": func(n int, s string) string { return cut(s, n) }}
}

// locales lists the languages that there are texts for.
func (s *templateSet) locales() []string {
	var tags []string
	for tag := range s.words {
		tags = append(tags, tag)
	}
	slices.Sort(tags)
	return tags
}

// match finds the texts for a BCP 47 tag: the same tag, else the same
// language. It is empty if there are none.
func (s *templateSet) match(tag string) string {
	tag = strings.ReplaceAll(tag, "_", "-")
	language, _, _ := strings.Cut(tag, "-")
	found := ""
	for _, have := range s.locales() {
		if strings.EqualFold(have, tag) {
			return have
		}
		if base, _, _ := strings.Cut(have, "-"); found == "" && strings.EqualFold(base, language) {
			found = have
		}
	}
	return found
}

// names lists where the layout of a mail may be, the most special first. A
// layout in another language than the reader's is never used.
func (v *view) names() []string {
	name := path.Join(v.Kind, v.Audience)
	language, _, _ := strings.Cut(v.Lang, "-")
	return []string{name + "." + v.Lang, name + "." + language, name, "message"}
}

// subject is what a file of the folder says; empty leaves it to the texts.
func (s *templateSet) subject(v *view) (string, error) {
	for _, name := range v.names() {
		if t := s.subjects[name]; t != nil {
			var b bytes.Buffer
			err := t.Execute(&b, v)
			return b.String(), err
		}
	}
	return "", nil
}

// render makes the text and the HTML of a mail.
func (s *templateSet) render(v *view) (text, html string, err error) {
	var tb, hb bytes.Buffer
	for _, name := range v.names() {
		if t := s.text[name]; t != nil {
			if err := t.Execute(&tb, v); err != nil {
				return "", "", err
			}
			break
		}
	}
	for _, name := range v.names() {
		if t := s.html[name]; t != nil {
			if err := t.Execute(&hb, v); err != nil {
				return "", "", err
			}
			break
		}
	}
	return tb.String(), hb.String(), nil
}

// checkTemplates writes each mail once, so that a fault in a template is found
// when the configuration is read and not when somebody books.
func (c *config) checkTemplates() error {
	var faults []error
	for _, locale := range c.templates.locales() {
		for _, event := range []string{"appointment.saved", "appointment.updated", "appointment.deleted"} {
			for _, audience := range []string{toCustomer, toProvider, toStaff} {
				o := sampleOccasion(event)
				v, err := c.newView(o, recipient{audience: audience, name: "Ana Lima", locale: locale, zone: o.start.Location()})
				if err == nil {
					_, _, err = c.templates.render(v)
				}
				if err != nil && !slices.ContainsFunc(faults, func(f error) bool { return f.Error() == err.Error() }) {
					faults = append(faults, err)
				}
			}
		}
	}
	return errors.Join(faults...)
}

// sampleOccasion has something in every field that a template may show.
func sampleOccasion(event string) *occasion {
	p := &appointment.Payload{
		Event: event,
		Appointment: appointment.Appointment{
			ID: 1, StartDatetime: "2026-01-27 14:15:00", EndDatetime: "2026-01-27 15:00:00",
			Location: "Room 4", Notes: "First visit", Hash: "q7WmT2xZr0Ka", Status: "Booked",
		},
		Service:            appointment.Service{ID: 1, Name: "Check-up", Minutes: 45, Price: 80, Currency: "EUR", Description: "Bring your card."},
		Customer:           appointment.Person{FirstName: "Ana", LastName: "Lima", Email: "ana@example.com", PhoneNumber: "555 0100", City: "Porto"},
		Settings:           appointment.Settings{CompanyName: "Example Clinic", CompanyLink: "https://example.com", DateFormat: "DMY", TimeFormat: "military"},
		CancellationReason: "Not well",
	}
	p.Provider.FirstName, p.Provider.Timezone = "Rui", "Europe/Lisbon"
	start, _ := p.Start() // written above
	end, _ := p.End()
	return &occasion{p: p, start: start, end: end}
}
