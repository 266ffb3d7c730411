package main

import (
	"errors"
	"strings"
	"time"

	"github.com/earshot-host/earshot/sdk"
)

// class is what can be done about a message that was not accepted.
type class int

// The classes; zero is none of them.
const (
	retry       class = iota + 1 // the same message may pass later
	slow                         // the provider asks for fewer messages: hold all for a while
	permanent                    // this recipient cannot be reached, or not with this message
	unavailable                  // token, account, session or configuration is at fault: hold all
	badTemplate                  // this template is at fault; others are not
	window                       // only a template may be sent to this recipient now
	unknown                      // the message may or may not have been sent
)

// templateWait is how long messages wait whose template is at fault: people
// must act, and messages with other templates go on meanwhile.
const templateWait = 6 * time.Hour

// failure is why one message was not accepted, in words that name nobody.
type failure struct {
	class class
	// after is how long to wait before the next attempt; 0 leaves it to the host.
	after time.Duration
	// tries, if not 0, is the number of attempts that this failure is worth.
	tries int
	// pair says that this one recipient gets too much: wait longer each time.
	pair bool
	what string
}

// atAttempt settles what depends on how often it was tried.
func (f *failure) atAttempt(n int) {
	if f.tries > 0 && n >= f.tries {
		f.class = permanent
	}
	if f.pair { // WhatsApp asks for 4 to the power of the attempt, in seconds
		f.after = time.Second << (2 * min(max(n, 1), 6))
	}
}

// verdict turns what failed into the answer for the event.
func verdict(failures []*failure) error {
	if len(failures) == 0 {
		return nil
	}
	var words []string
	worst := failures[0]
	for _, f := range failures {
		words = append(words, f.what)
		switch rank := severity(f.class); {
		case rank > severity(worst.class):
			worst = f
		case rank == severity(worst.class) && f.after < worst.after:
			worst = f
		}
	}
	err := errors.New(strings.Join(words, "; "))
	switch severity(worst.class) {
	case holdAll:
		return sdk.Unavailable(err, worst.after)
	case tryAgain:
		if worst.after > 0 {
			return sdk.RetryAfter(err, worst.after)
		}
		return err
	}
	return sdk.Permanent(err)
}

const (
	giveUp = iota
	tryAgain
	holdAll
)

// severity says which of several failures decides: as long as one recipient
// can still be told, the event is not given up.
func severity(c class) int {
	switch c {
	case unavailable, slow:
		return holdAll
	case retry, badTemplate:
		return tryAgain
	}
	return giveUp
}
