package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/earshot-host/earshot/sdk"
)

// Listener posts events to one URL.
type Listener struct {
	cfg    *config
	client *http.Client
	now    func() time.Time
}

var (
	_ sdk.Listener   = (*Listener)(nil)
	_ sdk.Configurer = (*Listener)(nil)
	_ sdk.Checker    = (*Listener)(nil)
	_ sdk.Closer     = (*Listener)(nil)
)

// Configure checks the block; it does not connect.
func (l *Listener) Configure(_ context.Context, cfg sdk.Config) error {
	c, err := readConfig(cfg)
	if err != nil {
		return err
	}
	l.cfg, l.client, l.now = c, c.client(), time.Now
	return nil
}

// Handle posts one event. The id is the same at every attempt, so a receiver
// that keeps ids takes an event once.
func (l *Listener) Handle(ctx context.Context, ev *sdk.Event) error {
	at := l.now()
	body, header, err := l.cfg.body(ev, at)
	if err != nil {
		return sdk.Permanent(fmt.Errorf("write the body for %s: %w", ev.Name, err))
	}
	l.cfg.sign(header, ev, at, body)
	if ev.DryRun {
		return nil
	}
	return l.post(ctx, header, body).err()
}

// Close drops the connections that are kept for the next event.
func (l *Listener) Close() error {
	if l.client != nil { // the host may stop a listener that it never configured
		l.client.CloseIdleConnections()
	}
	return nil
}

// sign adds the headers that say which event this is and who sends it.
func (c *config) sign(header http.Header, ev *sdk.Event, at time.Time, body []byte) {
	id := messageID(ev.IdempotencyKey)
	header.Set("User-Agent", "Earshot-Webhook")
	header.Set("Webhook-Id", id)
	header.Set("Webhook-Timestamp", fmt.Sprint(at.Unix()))
	if len(c.keys) > 0 {
		header.Set("Webhook-Signature", signature(c.keys, id, at, body))
	}
	if token := c.EasyAppointment.Token.Reveal(); c.Format == formatEasyAppointments && token != "" {
		header.Set(c.EasyAppointment.Header, token)
	}
	for name, value := range c.Headers {
		header.Set(name, value.Reveal())
	}
}
