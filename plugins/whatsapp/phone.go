package main

import (
	"errors"
	"regexp"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// errPhone hides the number: the library's own errors are about its parts.
var errPhone = errors.New("is not a phone number that exists")

// e164 turns a number as somebody typed it into +5511987654321. A number
// without a country code belongs to region. With ninthDigit, a Brazilian mobile
// number of the time before its ninth digit gets it.
func e164(typed, region string, ninthDigit bool) (string, error) {
	n, err := phonenumbers.Parse(typed, region)
	if err != nil || n.GetExtension() != "" {
		return "", errPhone
	}
	if phonenumbers.IsValidNumber(n) {
		return phonenumbers.Format(n, phonenumbers.E164), nil
	}
	national := phonenumbers.GetNationalSignificantNumber(n)
	// Area code, then eight digits; those of mobile phones began with 6 to 9.
	if ninthDigit && n.GetCountryCode() == 55 && len(national) == 10 && national[2] >= '6' {
		n, err = phonenumbers.Parse("+55"+national[:2]+"9"+national[2:], region)
		if err == nil && phonenumbers.IsValidNumber(n) {
			return phonenumbers.Format(n, phonenumbers.E164), nil
		}
	}
	return "", errPhone
}

// digits is the number as providers without the plus sign want it.
func digits(number string) string { return strings.TrimPrefix(number, "+") }

// mask shows enough of a number to find it in a list, and too little to call
// it: +55119****4321.
func mask(number string) string {
	d := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, number)
	if len(d) < 8 {
		return "****"
	}
	shown := max(0, min(5, len(d)-7))
	return "+" + d[:shown] + "****" + d[len(d)-4:]
}

// maskNumbers masks what could be a phone number in the words of a provider.
func maskNumbers(text string) string {
	return regexp.MustCompile(`\+?\d[\d ().-]{6,}\d`).ReplaceAllStringFunc(text, mask)
}
