// Package doctor looks for what is wrong around a host, or soon will be: the
// database, its tables and clocks, the configuration, plugins and the disk.
// It changes nothing. Each finding says what to do about it.
package doctor

import (
	"context"

	"github.com/earshot-host/earshot/host/internal/queue"
	"github.com/earshot-host/earshot/host/internal/registry"
	"github.com/earshot-host/earshot/host/internal/settings"
)

// Level is how bad a finding is.
type Level string

// A Failed check keeps the host from working; a Warning will bite some day.
const (
	OK      Level = "ok"
	Warning Level = "warning"
	Failed  Level = "failed"
)

// Area is which part of the whole a check is about; it decides the exit code.
type Area string

// The areas.
const (
	Config   Area = "configuration"
	Database Area = "database"
	Schema   Area = "schema"
	Events   Area = "events"
	Plugins  Area = "plugins"
	Machine  Area = "machine"
)

// Finding is what one check came to.
type Finding struct {
	Area   Area   `json:"area"`
	Check  string `json:"check"`
	Level  Level  `json:"level"`
	Detail string `json:"detail"`
	// Fix says what to do; empty if nothing need be.
	Fix string `json:"fix,omitempty"`
}

// Subject is what is looked at. Parts that could not be had are nil, and their
// checks are left out.
type Subject struct {
	Settings *settings.Settings
	Store    *queue.Store
	Routes   *registry.Registry
	// Migrations lists those that have not been applied.
	Missing func(context.Context) ([]string, error)
	// Listener starts a plugin and asks whether it could deliver; nil leaves
	// the plugins alone. tells is false if it cannot say.
	Listener func(ctx context.Context, name string) (tells bool, err error)
	// Path is a plugin's file, or why it is not there.
	Path func(name string) (string, error)
}

// Examine makes all checks that the subject allows and calls report with each
// finding as it comes.
func Examine(ctx context.Context, s Subject, report func(Finding)) {
	d := &exam{Subject: s, report: report}
	d.configuration()
	if s.Store != nil && d.server(ctx) && d.schema(ctx) {
		d.rights(ctx)
		d.index(ctx)
		d.rows(ctx)
		d.backlog(ctx)
	}
	if s.Routes != nil {
		d.plugins(ctx)
	}
	d.machine()
}

// exam collects what the checks share.
type exam struct {
	Subject
	report func(Finding)
}

func (d *exam) ok(area Area, check, detail string) {
	d.report(Finding{area, check, OK, detail, ""})
}

func (d *exam) warn(area Area, check, detail, fix string) {
	d.report(Finding{area, check, Warning, detail, fix})
}

func (d *exam) fail(area Area, check, detail, fix string) {
	d.report(Finding{area, check, Failed, detail, fix})
}
