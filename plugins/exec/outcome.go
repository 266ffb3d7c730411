package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/earshot-host/earshot/sdk"
)

// The exit codes that say more than 0, of which the first four are those of
// sysexits.h. All others are tried again.
const (
	exDataErr     = 65 // rejected
	exUnavailable = 69
	exTempFail    = 75 // retry
	exConfig      = 78 // rejected
	exSkipped     = 99
)

// maxSaid bounds what is quoted of stderr, in bytes.
const maxSaid = 200

// outcome is what a run means. What the program prints wins over how it ended;
// an answer that cannot be understood is never taken for a success.
func outcome(program string, e end, a answer, last string) error {
	if a.fault != nil {
		return fmt.Errorf("%s printed an answer that cannot be understood: %w (%s)", program, a.fault, e)
	}
	word := a.Outcome
	if word == "" {
		word = e.word()
	}
	err := errors.New(a.Message)
	if a.Message == "" {
		err = fmt.Errorf("%s ended with %s", program, e)
		if e.stopped != nil || e.signal != 0 {
			err = fmt.Errorf("%s was %s", program, e)
		}
		if last != "" {
			err = fmt.Errorf("%w; it said %q", err, clip(last))
		}
	}
	switch word {
	case "delivered":
		return nil
	case "skipped":
		return sdk.Skip(err.Error())
	case "rejected":
		return sdk.Permanent(err)
	case "unavailable":
		return sdk.Unavailable(err, a.wait())
	}
	if a.wait() > 0 {
		return sdk.RetryAfter(err, a.wait())
	}
	return err
}

// word is what an end means if the program printed no outcome.
func (e end) word() string {
	switch {
	case e.code == 0:
		return "delivered"
	case e.code == exDataErr, e.code == exConfig:
		return "rejected"
	case e.code == exUnavailable:
		return "unavailable"
	case e.code == exSkipped:
		return "skipped"
	}
	return "retry" // exTempFail too
}

func clip(s string) string {
	if len(s) <= maxSaid {
		return s
	}
	return strings.ToValidUTF8(s[:maxSaid], "") + "…"
}
