package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// errNoSMTPUTF8 says that the server cannot take this address at all.
var errNoSMTPUTF8 = errors.New("the address has letters that this mail server does not take (no SMTPUTF8)")

// connection is one talk with the mail server, logged in.
type connection struct {
	cfg    *smtpConfig
	client *gomail.Client
	smtp   *smtp.Client
	raw    net.Conn
	sent   int
	// unhook ends the watch over the context of whoever uses the connection.
	unhook func() bool
	// timer ends a connection that waits; it is set while it does.
	timer *time.Timer
}

// dial connects and logs in. ctx bounds that and, until release, all that follows.
func dial(ctx context.Context, cfg *smtpConfig) (c *connection, err error) {
	c = &connection{cfg: cfg}
	options := []gomail.Option{
		gomail.WithPort(cfg.Port), gomail.WithTimeout(cfg.Timeout.Std()), gomail.WithHELO(cfg.HELO),
		gomail.WithTLSConfig(cfg.tlsConfig()), gomail.WithoutNoop(),
		gomail.WithDialContextFunc(func(dialing context.Context, network, address string) (net.Conn, error) {
			return c.connect(dialing, ctx, network, address)
		}),
	}
	switch cfg.TLS {
	case "implicit":
		options = append(options, gomail.WithSSL())
	case "none":
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if cfg.Auth != "none" && cfg.Username != "" {
		options = append(options, gomail.WithSMTPAuthCustom(&login{cfg: cfg}))
	}
	if c.client, err = gomail.NewClient(cfg.Host, options...); err != nil {
		return nil, err
	}
	if c.smtp, err = c.client.DialToSMTPClientWithContext(ctx); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// connect keeps the connection, since the library neither closes it when the
// greeting fails nor lets a context stop what comes after.
func (c *connection) connect(dialing, using context.Context, network, address string) (conn net.Conn, err error) {
	if c.cfg.TLS == "implicit" {
		conn, err = (&tls.Dialer{Config: c.cfg.tlsConfig()}).DialContext(dialing, network, address)
	} else {
		conn, err = (&net.Dialer{}).DialContext(dialing, network, address)
	}
	if err != nil {
		return nil, err
	}
	c.raw = conn
	c.use(using)
	return conn, nil
}

// use makes the end of ctx end the connection.
func (c *connection) use(ctx context.Context) {
	c.unhook = context.AfterFunc(ctx, func() { c.raw.Close() })
}

// release reports whether the connection can serve somebody else.
func (c *connection) release() bool { return c.unhook() }

// alive asks the server whether it is still there.
func (c *connection) alive() bool {
	return c.raw.SetDeadline(time.Now().Add(c.cfg.Timeout.Std())) == nil && c.smtp.Noop() == nil
}

// send hands over one mail. A mail that was taken counts as taken whatever
// goes wrong afterwards.
func (c *connection) send(l *letter) (reply string, taken bool, err error) {
	// Asking for SMTPUTF8 without need makes some relays return the mail
	// because the next server does not have it.
	plain := isASCII(l.to.address) && isASCII(l.from)
	if offered, _ := c.smtp.Extension("SMTPUTF8"); !plain && !offered {
		return "", false, errNoSMTPUTF8
	}
	c.smtp.SkipSMTPUTF8(plain)
	c.sent++
	err = c.client.SendWithSMTPClient(c.smtp, l.msg)
	return l.msg.ServerResponse(), l.msg.IsDelivered(), err
}

// close says goodbye and ends the connection; without one it does nothing.
func (c *connection) close() {
	if c.raw == nil {
		return
	}
	c.unhook()
	if c.smtp != nil {
		// A server that does not answer a goodbye is not worth more.
		if c.raw.SetDeadline(time.Now().Add(2*time.Second)) == nil {
			_ = c.client.CloseWithSMTPClient(c.smtp)
		}
	}
	c.raw.Close()
	c.raw = nil
}
