package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/earshot-host/earshot/sdk"
	"golang.org/x/net/http/httpguts"
)

// config is the block of events.yaml.
type config struct {
	// URL is where events are posted to. It may hold user:password, and often
	// a token: of it, only scheme and host appear in errors.
	URL string `json:"url" jsonschema:"required"`
	// Format is standard (the default), cloudevents, raw or easyappointments.
	Format string `json:"format" jsonschema:"enum=standard,enum=cloudevents,enum=raw,enum=easyappointments"`
	// Secrets sign, the newest first; empty means no signature. Each is whsec_ and base64.
	Secrets []sdk.Secret `json:"secrets"`
	// Headers are sent with each event.
	Headers map[string]sdk.Secret `json:"headers"`

	CloudEvents     cloudEvents     `json:"cloudevents"`
	EasyAppointment easyAppointment `json:"easyappointments"`

	// Include lists the top-level parts of the payload to send; empty means all.
	Include []string `json:"include"`
	// Redact lists dotted paths to leave out, such as customer.phone_number or *.notes.
	Redact []string `json:"redact"`
	// ICSStream sends the calendar file, which is half of a payload, as well.
	ICSStream bool `json:"ics_stream"`

	// Network is public (the default) or any: which addresses may be called.
	Network string `json:"network" jsonschema:"enum=public,enum=any"`
	// Allow lists networks that may be called though they are not public.
	Allow []string `json:"allow"`
	// Proxy is the address of an HTTP proxy; the environment's is not used.
	Proxy string `json:"proxy"`
	TLS   files  `json:"tls"`

	// Timeout bounds one attempt from the look-up of the name to the end of
	// the answer, ConnectTimeout the connection alone; empty means 20s and 5s.
	Timeout        sdk.Duration `json:"timeout"`
	ConnectTimeout sdk.Duration `json:"connect_timeout"`
	// MaxRetryAfter caps what an answer's Retry-After may ask for; empty means 1h.
	MaxRetryAfter sdk.Duration `json:"max_retry_after"`
	// Permanent4xx gives an event up when the receiver answers 4xx, instead of trying again.
	Permanent4xx bool `json:"permanent_4xx"`

	url, proxy *url.URL
	keys       [][]byte
	trim       trim
	guard      *guard
	// resolver is the system's if nil.
	resolver *net.Resolver
}

// cloudEvents is what the cloudevents format needs.
type cloudEvents struct {
	// Mode is structured (the default) or binary.
	Mode string `json:"mode" jsonschema:"enum=structured,enum=binary"`
	// Source says where events come from, as a URI; empty means urn:earshot:NAME.
	Source string `json:"source"`
}

// easyAppointment is how the application's own webhooks prove who they are.
type easyAppointment struct {
	// Header is X-Ea-Token if empty; without a token it is not sent.
	Header string     `json:"header"`
	Token  sdk.Secret `json:"token"`
}

// readConfig checks all of the block and reports every fault it finds at once.
func readConfig(cfg sdk.Config) (*config, error) {
	c := &config{
		Timeout:        sdk.Duration(20 * time.Second),
		ConnectTimeout: sdk.Duration(5 * time.Second),
		MaxRetryAfter:  sdk.Duration(time.Hour),
	}
	if err := cfg.Decode(c); err != nil {
		return nil, err
	}
	var faults []error
	fault := func(path, format string, args ...any) {
		faults = append(faults, sdk.At(path, fmt.Errorf(format, args...)))
	}
	c.readTarget(fault)
	c.readFormat(cfg.Listener, fault)
	c.readHeaders(fault)
	c.readTrim(fault)
	c.readNetwork(fault)
	c.TLS.read(cfg.Dir, fault)
	if c.Timeout == 0 {
		fault("timeout", "is zero: an attempt needs time, such as 20s")
	}
	if c.ConnectTimeout == 0 {
		fault("connect_timeout", "is zero: a connection needs time, such as 5s")
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return c, nil
}

type faultFunc func(path, format string, args ...any)

func (c *config) readTarget(fault faultFunc) {
	if c.URL == "" {
		fault("url", "is missing: name the address that events are posted to")
		return
	}
	u, err := url.Parse(c.URL)
	// The parser's own error would repeat the address, and with it a password.
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		fault("url", "is not an address like https://hooks.example.com/earshot")
		return
	}
	if u.Scheme == "http" && u.User != nil {
		fault("url", "would send its password in clear: use https")
	}
	c.url = u
}

func (c *config) readFormat(listener string, fault faultFunc) {
	if c.Format == "" {
		c.Format = formatStandard
	}
	formats := []string{formatStandard, formatCloudEvents, formatRaw, formatEasyAppointments}
	if !slices.Contains(formats, c.Format) {
		fault("format", "%q is unknown: use one of %s", c.Format, strings.Join(formats, ", "))
	}
	if c.CloudEvents.Mode == "" {
		c.CloudEvents.Mode = "structured"
	}
	if c.CloudEvents.Mode != "structured" && c.CloudEvents.Mode != "binary" {
		fault("cloudevents.mode", "%q is unknown: use structured or binary", c.CloudEvents.Mode)
	}
	if c.CloudEvents.Source == "" {
		c.CloudEvents.Source = "urn:earshot:" + listener
	}
	if _, err := url.Parse(c.CloudEvents.Source); err != nil {
		fault("cloudevents.source", "is not a URI like https://agenda.example.com")
	}
	for i, s := range c.Secrets {
		key, err := signingKey(s.Reveal())
		if err != nil {
			fault(fmt.Sprintf("secrets[%d]", i), "%w", err)
		}
		c.keys = append(c.keys, key)
	}
}

func (c *config) readHeaders(fault faultFunc) {
	ours := []string{"host", "content-length", "content-type", "transfer-encoding", "connection"}
	for name, value := range c.Headers {
		lower := strings.ToLower(name)
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			fault("headers", "%q is not a name of a header", name)
		case !httpguts.ValidHeaderFieldValue(value.Reveal()):
			fault("headers."+name, "the value has characters that a header cannot hold")
		case slices.Contains(ours, lower), strings.HasPrefix(lower, "webhook-"), strings.HasPrefix(lower, "ce-"):
			fault("headers."+name, "is set by the listener itself")
		}
	}
	if c.EasyAppointment.Header == "" {
		c.EasyAppointment.Header = "X-Ea-Token"
	}
	if !httpguts.ValidHeaderFieldName(c.EasyAppointment.Header) {
		fault("easyappointments.header", "%q is not a name of a header", c.EasyAppointment.Header)
	}
	if !httpguts.ValidHeaderFieldValue(c.EasyAppointment.Token.Reveal()) {
		fault("easyappointments.token", "has characters that a header cannot hold")
	}
}

func (c *config) readTrim(fault faultFunc) {
	c.trim = trim{include: c.Include, redact: slices.Clone(c.Redact)}
	if !c.ICSStream {
		c.trim.redact = append(c.trim.redact, "ics_stream")
	} else if len(c.Include) > 0 && !slices.Contains(c.Include, "ics_stream") {
		c.trim.include = append(slices.Clone(c.Include), "ics_stream")
	}
	for i, p := range c.Redact {
		for key := range strings.SplitSeq(p, ".") {
			if _, err := path.Match(key, ""); err != nil || key == "" {
				fault(fmt.Sprintf("redact[%d]", i), "%q is not a path like customer.phone_number or *.notes", p)
				break
			}
		}
	}
}

func (c *config) readNetwork(fault faultFunc) {
	if c.Network == "" {
		c.Network = "public"
	}
	if c.Network != "public" && c.Network != "any" {
		fault("network", "%q is unknown: use public or any", c.Network)
	}
	var allow []netip.Prefix
	for i, s := range c.Allow {
		p, err := netip.ParsePrefix(s)
		if addr, aerr := netip.ParseAddr(s); err != nil && aerr == nil {
			p, err = addr.Prefix(addr.BitLen())
		}
		if err != nil {
			fault(fmt.Sprintf("allow[%d]", i), "%q is not a network like 10.0.0.0/8", s)
		}
		allow = append(allow, p)
	}
	c.guard = newGuard(c.Network == "any", allow)
	if c.Proxy == "" {
		return
	}
	u, err := url.Parse(c.Proxy)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		fault("proxy", "is not an address like http://proxy.example.com:3128")
		return
	}
	// The proxy looks the name up, so the listener never sees the address.
	if c.Network != "any" {
		fault("proxy", "the proxy, not the listener, chooses the address that is called: "+
			"make the proxy refuse private addresses, and set network: any")
	}
	if c.url != nil {
		if ip, err := netip.ParseAddr(c.url.Hostname()); err == nil && c.guard.check(ip) != nil {
			fault("url", "is where clouds hand out credentials, and is never called")
		}
	}
	c.proxy = u
}
