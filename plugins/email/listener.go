package main

import (
	"context"
	"errors"
	"time"

	"github.com/earshot-host/earshot/sdk"
)

// Listener mails people about appointments.
type Listener struct {
	cfg       *config
	mail      transport
	directory *directory // nil without one
	now       func() time.Time
}

var (
	_ sdk.Listener   = (*Listener)(nil)
	_ sdk.Configurer = (*Listener)(nil)
	_ sdk.Checker    = (*Listener)(nil)
	_ sdk.Closer     = (*Listener)(nil)
)

// transport is a way that mails can go.
type transport interface {
	// open starts the sending of one event's mails; ctx bounds all of them.
	open(ctx context.Context) session
	// check reports whether a mail could be sent now, and sends none.
	check(ctx context.Context) error
	// close ends what stays open between events.
	close() error
}

// session sends the mails of one event, one after the other.
type session interface {
	// send returns the other side's reply once it has taken the mail.
	send(l *letter) (reply string, f *failure)
	close()
}

// Configure checks the block; it does not connect.
func (l *Listener) Configure(_ context.Context, cfg sdk.Config) error {
	c, err := readConfig(cfg)
	if err != nil {
		return err
	}
	l.cfg, l.now = c, time.Now
	if c.File != nil {
		l.mail = &fileTransport{dir: c.File.Dir}
	} else {
		l.mail = newSMTPTransport(c)
	}
	if c.Directory != nil {
		l.directory = newDirectory(c.Directory)
	}
	return nil
}

// Check reports whether a mail could be sent now: it connects and logs in, and
// asks the directory, if there is one, a question.
func (l *Listener) Check(ctx context.Context) error {
	var asked error
	if l.directory != nil {
		_, asked = l.directory.rules(ctx, 0)
	}
	return errors.Join(asked, l.mail.check(ctx))
}

// Close ends the connections that wait for the next event.
func (l *Listener) Close() error {
	if l.cfg == nil {
		return nil
	}
	var err error
	if l.directory != nil {
		err = l.directory.close()
	}
	return errors.Join(err, l.mail.close())
}

// Handle sends one mail to each recipient that has not had one. All mails are
// built before the first is sent, and one that fails does not stop the others.
func (l *Listener) Handle(ctx context.Context, ev *sdk.Event) error {
	o, err := newOccasion(ev, l.now())
	if err != nil {
		return err
	}
	var live *liveRules
	if l.directory != nil {
		if live, err = l.directory.rules(ctx, o.p.Provider.ID); err != nil {
			return err
		}
	}
	recipients := l.cfg.recipients(o.p, live, ev.IdempotencyKey)
	if len(recipients) == 0 {
		return sdk.Skip("nobody who is to be told has an e-mail address")
	}
	if _, known := o.p.Zone(); !known {
		sdk.Logger(ctx).Warn("the provider's time zone is missing or unknown: the mail's times are taken for UTC")
	}
	failures := make(map[string][]*failure)
	fail := func(audience string, f *failure) { failures[audience] = append(failures[audience], f) }
	var letters []*letter
	for _, rcpt := range recipients {
		if ev.Done(rcpt.key) {
			continue
		}
		letter, err := l.cfg.compose(o, rcpt)
		if err != nil {
			fail(rcpt.audience, &failure{class: permanent, what: err.Error()})
			continue
		}
		letters = append(letters, letter)
	}
	if ev.DryRun {
		for _, letter := range letters {
			if err := l.cfg.show(letter); err != nil {
				fail(letter.to.audience, &failure{class: retry, what: err.Error()})
			}
		}
	} else {
		l.send(ctx, ev, letters, fail)
	}
	return verdict(failures)
}

func (l *Listener) send(ctx context.Context, ev *sdk.Event, letters []*letter, fail func(audience string, f *failure)) {
	s := l.mail.open(ctx)
	defer s.close()
	told := false
	for _, letter := range letters {
		reply, f := s.send(letter)
		if f != nil {
			fail(letter.to.audience, f)
			continue
		}
		ev.Receipt(letter.to.key, reply)
		if !told { // the event's id for support is that of its first mail
			ev.SetExternalID("<" + letter.id + ">")
		}
		told = true
	}
}
