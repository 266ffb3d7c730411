package main

import (
	"errors"
	"strings"
	"time"

	"github.com/earshot-host/earshot/sdk"
)

// verdict turns what failed into the answer for the event. It names audiences
// and replies, never people.
func verdict(failures map[string][]*failure) error {
	var words []string
	var held, again bool
	var hold, wait time.Duration
	for _, audience := range []string{toCustomer, toProvider, toStaff} {
		for _, f := range failures[audience] {
			words = append(words, audience+": "+f.what)
			switch f.class {
			case unavailable:
				held, hold = true, max(hold, f.after)
			case retry:
				again = true
				if wait == 0 || f.after > 0 && f.after < wait {
					wait = f.after
				}
			}
		}
	}
	if len(words) == 0 {
		return nil
	}
	err := errors.New(strings.Join(words, "; "))
	switch {
	case held:
		return sdk.Unavailable(err, hold)
	case again && wait > 0:
		return sdk.RetryAfter(err, wait)
	case again:
		return err
	}
	return sdk.Permanent(err)
}
