package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/earshot-host/earshot/sdk"
)

// maxAnswer bounds what is read of a program's stdout, in bytes.
const maxAnswer = 1 << 20

// answer is what a program may print to stdout, all of it optional.
type answer struct {
	// Outcome is delivered, skipped, retry, rejected or unavailable; empty
	// leaves it to the exit code.
	Outcome string `json:"outcome"`
	Message string `json:"message"`
	// RetryAfter is for retry and unavailable.
	RetryAfter sdk.Duration `json:"retry_after"`
	ExternalID string       `json:"external_id"`
	Receipts   []struct {
		Key        string `json:"key"`
		ExternalID string `json:"external_id"`
	} `json:"receipts"`

	// fault says what cannot be understood in it.
	fault error
}

// words are the outcomes, as the log and `earshot queue` call them.
var words = [...]string{"delivered", "skipped", "retry", "rejected", "unavailable"}

// answers reads stdout: objects of JSON, one after the other, of which later
// ones complete the earlier. Receipts count as soon as their line is printed.
// Lines that do not begin an object are no answer.
type answers struct {
	receipt func(key, externalID string)
	log     *slog.Logger

	mu    sync.Mutex
	all   answer
	buf   []byte
	read  int
	noise bool
}

func (a *answers) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := len(p)
	room := maxAnswer - a.read
	if room <= 0 {
		return n, nil
	}
	a.read += min(n, room)
	a.buf = append(a.buf, p[:min(n, room)]...)
	// A long object that comes in pieces is not read again with each of them.
	if bytes.IndexByte(p, '\n') >= 0 {
		a.parse(false)
	}
	if n > room {
		a.buf = nil
		a.bad(fmt.Errorf("it is longer than %d bytes", maxAnswer))
	}
	return n, nil
}

// parse takes whole objects and lines from the front of what was printed.
func (a *answers) parse(last bool) {
	for {
		a.buf = bytes.TrimLeft(a.buf, " \t\r\n")
		if len(a.buf) == 0 {
			return
		}
		if a.buf[0] != '{' {
			line, rest, ended := bytes.Cut(a.buf, []byte{'\n'})
			if !ended && !last {
				return
			}
			a.buf = rest
			a.other(line)
			continue
		}
		dec := json.NewDecoder(bytes.NewReader(a.buf))
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			var syntax *json.SyntaxError
			if last || errors.As(err, &syntax) {
				a.bad(errors.New("it is not JSON"))
				a.buf = nil
			}
			return // the rest of the object is still to come
		}
		a.buf = a.buf[dec.InputOffset():]
		a.take(raw)
	}
}

// other is told of a line that is no answer: PHP prints its warnings to stdout.
func (a *answers) other(line []byte) {
	if !a.noise {
		a.noise = true
		a.log.Warn("the program prints to stdout what is no answer: log to stderr", "bytes", len(line))
	}
}

func (a *answers) take(raw json.RawMessage) {
	next := a.all
	next.Receipts = nil
	if err := (sdk.Config{JSON: raw}).Decode(&next); err != nil {
		a.bad(err)
		return
	}
	if next.Outcome != "" && !slices.Contains(words[:], next.Outcome) {
		a.bad(sdk.At("outcome", fmt.Errorf("must be one of %q", words)))
		return
	}
	a.all = next
	for _, r := range next.Receipts {
		if r.Key == "" {
			a.bad(sdk.At("receipts", errors.New("each needs a key")))
			continue
		}
		a.receipt(r.Key, r.ExternalID)
	}
}

// bad keeps the first fault.
func (a *answers) bad(err error) {
	if a.all.fault == nil {
		a.all.fault = err
	}
}

// close returns the answer as a whole.
func (a *answers) close() answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.parse(true)
	return a.all
}

func (a answer) wait() time.Duration { return a.RetryAfter.Std() }
