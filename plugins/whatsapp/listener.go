package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/earshot-host/earshot/sdk"
	"github.com/earshot-host/earshot/sdk/appointment"
)

// Listener writes to people on WhatsApp about appointments.
type Listener struct {
	cfg      *config
	provider provider
	spacing  *spacing
	now      func() time.Time
}

var (
	_ sdk.Listener   = (*Listener)(nil)
	_ sdk.Configurer = (*Listener)(nil)
	_ sdk.Checker    = (*Listener)(nil)
)

// provider is a way to WhatsApp. Numbers are in E.164. What is sent has an id.
type provider interface {
	sendText(ctx context.Context, to, text string) (id string, f *failure)
	sendTemplate(ctx context.Context, to string, t *filled) (id string, f *failure)
	// check reports what would keep messages from being sent now, and sends none.
	check(ctx context.Context) error
}

// Configure checks the block; it does not connect.
func (l *Listener) Configure(_ context.Context, cfg sdk.Config) error {
	c, err := readConfig(cfg)
	if err != nil {
		return err
	}
	l.cfg, l.provider, l.now = c, newProvider(c), time.Now
	l.spacing = newSpacing(c.PerRecipient.Std())
	return nil
}

// newProvider makes the provider that the configuration names.
func newProvider(c *config) provider {
	a := newAPI(c)
	switch c.Provider {
	case evolution:
		return newEvolution(c, a)
	case waha:
		return newWaha(c, a)
	case twilio:
		return newTwilio(c, a)
	}
	return newMeta(c, a)
}

// Check asks the provider whether token, number and templates fit.
func (l *Listener) Check(ctx context.Context) error { return l.provider.check(ctx) }

// Handle writes to each recipient who has not had a message yet. One that fails
// does not stop the others, unless the listener as a whole cannot send.
func (l *Listener) Handle(ctx context.Context, ev *sdk.Event) error {
	p := &appointment.Payload{}
	if err := ev.Decode(p); err != nil {
		return err
	}
	if p.Event == "" {
		p.Event = ev.Name // somebody wrote the payload by hand
	}
	kind := p.Kind()
	if kind == "" {
		return sdk.Permanent(fmt.Errorf("there is no message for %s: route only appointment.saved, appointment.updated and appointment.deleted to this listener", ev.Name))
	}
	start, err := p.Start()
	if err != nil {
		return sdk.Permanent(err)
	}
	list, skipped := l.cfg.recipients(ev, p)
	var failures []*failure
	told := 0
	for _, who := range list {
		if ev.Done(who.key) {
			told++
			continue
		}
		m, err := l.cfg.compose(kind, p, start, who)
		if err != nil {
			failures = append(failures, &failure{class: permanent, what: who.audience + ": " + err.Error()})
			continue
		}
		if m == nil {
			skipped = append(skipped, fmt.Sprintf("templates.%s.%s is not configured", who.audience, kind))
			continue
		}
		told++
		if ev.DryRun {
			continue
		}
		if f := l.tell(ctx, ev, who, m); f != nil {
			f.what = fmt.Sprintf("%s %s: %s", who.audience, mask(who.number), f.what)
			failures = append(failures, f)
			if severity(f.class) == holdAll {
				break
			}
		}
	}
	if len(failures) == 0 && told == 0 {
		return sdk.Skip(strings.Join(skipped, "; "))
	}
	return verdict(failures)
}

// message is what one recipient is told; text or template may be missing,
// depending on the mode.
type message struct {
	text     string
	template *filled
}

// compose writes the message for a recipient. It is nil if there is no template
// for what happened.
func (c *config) compose(kind appointment.Kind, p *appointment.Payload, start time.Time, who recipient) (*message, error) {
	if who.number == "" {
		return nil, fmt.Errorf("%s %w: correct it in the application; a number without a country code is taken for one of %s", who.typed(), errPhone, c.DefaultRegion)
	}
	m := &message{}
	var err error
	if c.Mode != modeText {
		// The values must be in the language of the template around them.
		in := who
		in.locale = c.templateLocale(who.locale)
		if m.template, err = c.fill(kind, in, c.newView(p, start, in)); err != nil || m.template == nil {
			return nil, err
		}
	}
	if c.Mode != modeTemplate {
		m.text, err = c.text(kind, who, c.newView(p, start, who))
	}
	return m, err
}

// tell sends one message, in turn, and records that it was sent.
func (l *Listener) tell(ctx context.Context, ev *sdk.Event, who recipient, m *message) *failure {
	held := "held-" + who.key
	if l.cfg.Ambiguous == "hold" && (ev.Redelivered || ev.Done(held)) {
		return inDoubt("an earlier attempt ended without an answer")
	}
	pause, err := l.spacing.wait(ctx, who.number, l.now())
	if err != nil {
		return &failure{class: retry, what: "stopped before the message was sent: " + err.Error()}
	}
	if pause > 0 {
		return &failure{class: retry, after: pause, what: "this recipient has had messages just now (per_recipient)"}
	}
	id, f := l.send(ctx, who.number, m)
	if f == nil {
		ev.Receipt(who.key, id)
		if who.audience == l.cfg.Audiences[0] {
			ev.SetExternalID(id)
		}
		return nil
	}
	f.atAttempt(ev.Attempt)
	switch {
	case f.class == unknown && l.cfg.Ambiguous == "hold":
		// If another recipient makes the event come back, this one stays held.
		ev.Receipt(held, "")
		return inDoubt(f.what)
	case f.class == unknown:
		f.class = retry
	}
	return f
}

func inDoubt(why string) *failure {
	return &failure{class: permanent, what: why + ", so the message may have been sent: it is not sent again by itself " +
		"(ambiguous: hold). Look into the provider's list of messages, and retry the delivery if it is not there"}
}

// send uses the text where it may, and the template where it must.
func (l *Listener) send(ctx context.Context, to string, m *message) (string, *failure) {
	if l.cfg.Mode == modeTemplate {
		return l.provider.sendTemplate(ctx, to, m.template)
	}
	id, f := l.provider.sendText(ctx, to, m.text)
	if f != nil && f.class == window && m.template != nil {
		return l.provider.sendTemplate(ctx, to, m.template)
	}
	return id, f
}
