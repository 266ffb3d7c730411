package main

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/earshot-host/earshot/sdk"
	"github.com/earshot-host/earshot/sdk/appointment"
)

// config is the block of events.yaml.
type config struct {
	// SMTP or File says where mails go; exactly one of them is set.
	SMTP *smtpConfig `json:"smtp"`
	File *fileConfig `json:"file"`

	// From is who mails are from, as "Name <address>" or an address. Without a
	// name, mails carry the company's.
	From string `json:"from" jsonschema:"required"`
	// ReplyTo is where answers go; empty means the company's address of the payload.
	ReplyTo string `json:"reply_to"`
	// ReturnPath is where bounces go; empty means From.
	ReturnPath string `json:"return_path"`
	// ListUnsubscribe is a page or mailto: address; mails offer it if it is set.
	ListUnsubscribe string      `json:"list_unsubscribe"`
	DKIM            *dkimConfig `json:"dkim"`

	// AppURL is the address of the application; without it mails have no link.
	AppURL string `json:"app_url"`
	// IndexPage is the part between AppURL and the page: nil means index.php,
	// and empty suits sites that rewrite addresses.
	IndexPage *string `json:"index_page"`

	Audiences audiences `json:"audiences"`
	// Directory, if it is set, asks the application's own tables who is told.
	Directory *directoryConfig `json:"directory"`

	// OnlyTo leaves out everybody but this address, for a trial with real events.
	OnlyTo string `json:"only_to"`

	DefaultLocale   string `json:"default_locale"`
	DefaultTimezone string `json:"default_timezone"`
	// TemplatesDir holds files that stand in for the built-in texts and layouts.
	TemplatesDir string `json:"templates_dir"`
	// Notes is text (the default) or omit: what a customer types is then not mailed on.
	Notes    string         `json:"notes" jsonschema:"enum=text,enum=omit"`
	Calendar calendarConfig `json:"calendar"`

	// Classify sorts replies of the mail server before the built-in rules do.
	Classify []rule `json:"classify"`
	// DryRunDir is where a dry run writes what it would have sent; empty writes nothing.
	DryRunDir string `json:"dry_run_dir"`

	from, replyTo, returnPath *mail.Address
	zone                      *time.Location
	templates                 *templateSet
}

type audiences struct {
	// Customer and Provider are told unless they are false.
	Customer *bool   `json:"customer"`
	Provider *bool   `json:"provider"`
	Staff    []staff `json:"staff"`
}

// staff is somebody of the company who is told about every appointment, or
// about those of some services or some providers.
type staff struct {
	Email    string `json:"email" jsonschema:"required"`
	Name     string `json:"name"`
	Language string `json:"language"`
	Timezone string `json:"timezone"`
	// Services and Providers are ids; empty means all.
	Services  []int64 `json:"services"`
	Providers []int64 `json:"providers"`
}

// faultFunc records that the key at path is wrong.
type faultFunc func(path, format string, args ...any)

// readConfig checks all of the block and reports every fault it finds at once.
func readConfig(cfg sdk.Config) (*config, error) {
	c := &config{}
	if err := cfg.Decode(c); err != nil {
		return nil, err
	}
	var faults []error
	fault := func(path, format string, args ...any) {
		faults = append(faults, sdk.At(path, fmt.Errorf(format, args...)))
	}
	switch {
	case c.SMTP == nil && c.File == nil:
		fault("smtp", "is missing: name the mail server, or a folder with file: {dir: …}")
	case c.SMTP != nil && c.File != nil:
		fault("file", "cannot stand beside smtp: keep the one that mails shall go to")
	case c.SMTP != nil:
		c.SMTP.complete(cfg.Dir, fault)
	case c.File.Dir == "":
		fault("file.dir", "is missing: name the folder that mails are written to")
	default:
		c.File.Dir = under(cfg.Dir, c.File.Dir)
	}
	c.readAddresses(fault)
	c.readLinks(fault)
	c.readTexts(cfg, fault)
	c.checkTexts(fault)
	c.Calendar.complete(fault)
	c.DKIM.complete(c.from, fault)
	c.Directory.complete(fault)
	for i := range c.Classify {
		c.Classify[i].complete(fmt.Sprintf("classify[%d].", i), fault)
	}
	if c.DryRunDir != "" {
		c.DryRunDir = under(cfg.Dir, c.DryRunDir)
	}
	if c.SMTP != nil && c.SMTP.HELO == "" && c.from != nil {
		c.SMTP.HELO = domainOf(c.from.Address)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return c, nil
}

func (c *config) readAddresses(fault faultFunc) {
	read := func(path, s string) *mail.Address {
		name, address := splitAddress(s)
		if address == "" {
			fault(path, "is not an address like Clinic <agenda@example.com>")
			return nil
		}
		return &mail.Address{Name: name, Address: address}
	}
	if c.From == "" {
		fault("from", "is missing: it must be an address that the mail server lets you send from")
	} else {
		c.from = read("from", c.From)
	}
	if c.ReplyTo != "" {
		c.replyTo = read("reply_to", c.ReplyTo)
	}
	if c.ReturnPath != "" {
		c.returnPath = read("return_path", c.ReturnPath)
	}
	if c.OnlyTo != "" {
		if addr := read("only_to", c.OnlyTo); addr != nil {
			c.OnlyTo = addr.Address
		}
	}
	for i, s := range c.Audiences.Staff {
		path := fmt.Sprintf("audiences.staff[%d].", i)
		if s.Email == "" {
			fault(path+"email", "is missing")
		} else if addr := read(path+"email", s.Email); addr != nil {
			c.Audiences.Staff[i].Email = addr.Address
		}
		if _, ok := appointment.Location(s.Timezone); s.Timezone != "" && !ok {
			fault(path+"timezone", "%q is not a time zone like America/Sao_Paulo", s.Timezone)
		}
	}
}

func (c *config) readLinks(fault faultFunc) {
	if c.AppURL != "" {
		u, err := url.Parse(c.AppURL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			fault("app_url", "is not an address like https://agenda.example.com")
		} else {
			c.AppURL = strings.TrimRight(u.String(), "/")
		}
	}
	if c.ListUnsubscribe != "" {
		u, err := url.Parse(c.ListUnsubscribe)
		if err != nil || strings.ContainsAny(c.ListUnsubscribe, " <>\r\n") || u.Scheme != "https" && u.Scheme != "mailto" {
			fault("list_unsubscribe", "is neither a page like https://example.com/stop nor mailto:stop@example.com")
		}
	}
}

func (c *config) readTexts(cfg sdk.Config, fault faultFunc) {
	if c.Notes == "" {
		c.Notes = "text"
	}
	if c.Notes != "text" && c.Notes != "omit" {
		fault("notes", "%q is unknown: use text or omit", c.Notes)
	}
	dir := ""
	if c.TemplatesDir != "" {
		dir = under(cfg.Dir, c.TemplatesDir)
	}
	set, err := loadTemplates(dir)
	if err != nil {
		fault("templates_dir", "%w", err)
		if set, err = loadTemplates(""); err != nil { // so that the other keys are checked as well
			fault("templates_dir", "%w", err)
			return
		}
	}
	c.templates = set
	if c.DefaultLocale == "" {
		c.DefaultLocale = "en"
	} else if tag := set.match(c.DefaultLocale); tag == "" {
		fault("default_locale", "%q has no texts here: use one of %s", c.DefaultLocale, strings.Join(set.locales(), ", "))
	} else {
		c.DefaultLocale = tag
	}
	if c.DefaultTimezone == "" {
		c.zone, _ = appointment.Location(cfg.Timezone)
		return
	}
	zone, ok := appointment.Location(c.DefaultTimezone)
	if !ok {
		fault("default_timezone", "%q is not a time zone like America/Sao_Paulo", c.DefaultTimezone)
	}
	c.zone = zone
}

// checkTexts comes last: it needs the other keys.
func (c *config) checkTexts(fault faultFunc) {
	if c.TemplatesDir == "" || c.templates == nil {
		return
	}
	if err := c.checkTemplates(); err != nil {
		fault("templates_dir", "%w", err)
	}
}

// under makes a relative path start at dir.
func under(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
