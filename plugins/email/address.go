package main

import (
	"net/mail"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

var (
	// Quoted local parts are legal, nobody has one, and their blanks and
	// brackets could end the address early in the talk with the server.
	localPart  = regexp.MustCompile(`^[^\s<>()\[\]\\,;:@"]+$`)
	domainPart = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
)

// splitAddress checks one address, with or without a name, and writes its
// domain as servers want it. The address is empty if s is not one that mail
// can go to.
func splitAddress(s string) (name, address string) {
	addr, err := mail.ParseAddress(strings.TrimSpace(s))
	if err != nil {
		return "", ""
	}
	at := strings.LastIndexByte(addr.Address, '@')
	local, domain := addr.Address[:at], addr.Address[at+1:]
	if !localPart.MatchString(local) || len(local) > 64 {
		return "", ""
	}
	if !isASCII(domain) {
		if domain, err = idna.Lookup.ToASCII(domain); err != nil {
			return "", ""
		}
	}
	if !domainPart.MatchString(domain) || len(domain) > 253 {
		return "", ""
	}
	return oneLine(addr.Name, 120), local + "@" + domain
}

// asciiAddress is the address of s without a name; empty if s is not one.
func asciiAddress(s string) string {
	_, address := splitAddress(s)
	return address
}

func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0
}
