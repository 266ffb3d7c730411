package main

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"code.dny.dev/ssrf"
)

// errAddress is a destination that must not be connected to.
var errAddress = errors.New("refused address")

// guard decides which addresses may be connected to. It sees the address after
// the name was resolved, so a name that changes its address gains nothing.
type guard struct {
	// public refuses every address that is not on the internet; nil refuses only metadata.
	public *ssrf.Guardian
}

// newGuard lets through public addresses and those in allow; with any, all but metadata.
func newGuard(anyNetwork bool, allow []netip.Prefix) *guard {
	if anyNetwork {
		return &guard{}
	}
	var v4, v6 []netip.Prefix
	for _, p := range allow {
		if p.Addr().Is4() {
			v4 = append(v4, p)
		} else {
			v6 = append(v6, p)
		}
	}
	return &guard{ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))}
}

// control fits net.Dialer.Control.
func (g *guard) control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s is not an address and a port", errAddress, address)
	}
	return g.check(ap.Addr())
}

func (g *guard) check(ip netip.Addr) error {
	ip = ip.Unmap().WithZone("")
	if isMetadata(ip) {
		return fmt.Errorf("%w: %s is where clouds hand out credentials, and is never called", errAddress, ip)
	}
	if g.public == nil {
		return nil
	}
	if err := g.public.SafeAddr(ip); err != nil {
		return fmt.Errorf("%w: %s is not on the public internet: if it is meant, set allow: [%s]",
			errAddress, ip, netip.PrefixFrom(ip, ip.BitLen()))
	}
	return nil
}

// isMetadata reports whether ip is one at which cloud machines get their own
// credentials, also when it is wrapped for a translation to IPv4.
func isMetadata(ip netip.Addr) bool {
	for _, p := range []string{
		"169.254.0.0/16",     // link-local: AWS, Azure, Google, Oracle, DigitalOcean and most others
		"fe80::/10",          // the same for IPv6
		"fd00:ec2::/32",      // AWS
		"fd20:ce::254/128",   // Google
		"fd00:42::42/128",    // Scaleway
		"100.100.100.200/32", // Alibaba
		"168.63.129.16/32",   // Azure
		"192.0.0.192/32",     // Oracle
	} {
		if netip.MustParsePrefix(p).Contains(ip) {
			return true
		}
	}
	if v4, ok := embedded(ip); ok {
		return isMetadata(v4)
	}
	return false
}

// embedded is the IPv4 address inside of a NAT64 or 6to4 address.
func embedded(ip netip.Addr) (netip.Addr, bool) {
	b := ip.As16()
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(ip):
		return netip.AddrFrom4([4]byte(b[12:])), true
	case netip.MustParsePrefix("2002::/16").Contains(ip):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return netip.Addr{}, false
}
