package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/queue"
	"github.com/earshot-host/earshot/host/internal/strictyaml"
)

const filterHelp = `All that is given must hold; of several values of one flag, one is enough.
A time is a duration before now (2h, 7d), a day (2026-05-01), or RFC 3339.`

// filterFlags are the flags that pick events, the same for every command.
type filterFlags struct {
	status, event, listener, state, match []string
	since, until, text, id                string
	limit                                 int
	before                                int64
}

func (f *filterFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.status, "status", nil, "only events with one of these statuses: "+strings.Join(queue.Statuses(), ", "))
	flags.StringSliceVar(&f.event, "event", nil, "only events of these names; appointment.* stands for all that begin so")
	flags.StringSliceVar(&f.listener, "listener", nil, "only events that one of these listeners was told of")
	flags.StringSliceVar(&f.state, "state", nil, "only events with a delivery in one of these states: "+strings.Join(states(), ", "))
	flags.StringVar(&f.since, "since", "", "only events written since then")
	flags.StringVar(&f.until, "until", "", "only events written before then")
	flags.StringVar(&f.text, "error", "", "only events that have not been processed and whose error holds this text")
	flags.StringVar(&f.id, "id", "", "only these ids: A..B, A.., ..B or A")
	flags.StringArrayVar(&f.match, "match", nil, "only events whose payload has this value: customer.email=ana@example.com")
	complete(cmd, "status", queue.Statuses())
	complete(cmd, "state", states())
}

func complete(cmd *cobra.Command, flag string, words []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err) // the flag does not exist: a mistake in this program
	}
}

func states() []string {
	return []string{string(event.Open), string(event.Done), string(event.Skip), string(event.Dead)}
}

// filter reads the flags; what is wrong with them is a usage error.
func (f *filterFlags) filter() (queue.Filter, error) {
	out := queue.Filter{Status: f.status, Event: f.event, Listener: f.listener, State: f.state, Error: f.text, Limit: f.limit, Before: f.before}
	if err := known("--status", f.status, queue.Statuses()); err != nil {
		return out, err
	}
	if err := known("--state", f.state, states()); err != nil {
		return out, err
	}
	for _, name := range f.event {
		if err := checkPattern(name); err != nil {
			return out, err
		}
	}
	if f.limit < 0 || f.before < 0 {
		return out, usage(fmt.Errorf("--limit and --before take a number from 1"))
	}
	var err error
	if out.Since, err = instant("--since", f.since); err != nil {
		return out, err
	}
	if out.Until, err = instant("--until", f.until); err != nil {
		return out, err
	}
	if out.From, out.To, err = idRange(f.id); err != nil {
		return out, err
	}
	for _, m := range f.match {
		path, value, ok := strings.Cut(m, "=")
		if !ok || path == "" {
			return out, usage(fmt.Errorf("--match %q has no value to compare with; write: --match customer.email=ana@example.com", m))
		}
		out.Match = append(out.Match, queue.Match{Path: path, Value: value})
	}
	return out, nil
}

func checkPattern(name string) error {
	if prefix, wild := strings.CutSuffix(name, "*"); checkEventName(prefix) != nil && !(wild && prefix == "") {
		return usage(fmt.Errorf("--event %q is not the name of an event, or the beginning of one with * at its end", name))
	}
	return nil
}

// given reports whether any flag picks events.
func (f *filterFlags) given() bool {
	return len(f.status)+len(f.event)+len(f.listener)+len(f.state)+len(f.match) > 0 || f.since+f.until+f.text+f.id != ""
}

// onlyListener reports whether --listener is all that was given: beside ids it
// narrows what is done to them, and picks nothing.
func (f filterFlags) onlyListener() bool {
	f.listener = nil
	return !f.given()
}

// oneListener returns the one listener that something is done for, or "" for
// all; its deliveries are in one of states unless others were asked for.
func (f *filterFlags) oneListener(filter *queue.Filter, states ...string) (string, error) {
	switch len(f.listener) {
	case 0:
		return "", nil
	case 1:
		if len(filter.State) == 0 {
			filter.State = states
		}
		return f.listener[0], nil
	}
	return "", usage(errors.New("give one --listener, or none for all"))
}

func known(flag string, values, words []string) error {
	for _, v := range values {
		if !slices.Contains(words, v) {
			return usage(fmt.Errorf("%s %s is not known%s; use one of: %s", flag, v, hint(v, words), strings.Join(words, ", ")))
		}
	}
	return nil
}

// instant reads a time: how long ago, a day, or a day and time.
func instant(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := strictyaml.ParseDuration(text); err == nil {
		return time.Now().Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usage(fmt.Errorf("%s %q is not a time: write 2h or 7d for so long ago, 2026-05-01, or 2026-05-01T09:30:00Z", flag, text))
}

func idRange(text string) (from, to int64, err error) {
	if text == "" {
		return 0, 0, nil
	}
	a, b, is := strings.Cut(text, "..")
	if !is {
		b = a
	}
	var errA, errB error
	if a != "" {
		from, errA = strconv.ParseInt(a, 10, 64)
	}
	if b != "" {
		to, errB = strconv.ParseInt(b, 10, 64)
	}
	if errA != nil || errB != nil || from < 0 || to < 0 || a+b == "" || to > 0 && from > to {
		return 0, 0, usage(fmt.Errorf("--id %q is not a range of ids; write 100..200, 100.., ..200 or 100", text))
	}
	return from, to, nil
}

// eventIDs reads ids from the command line.
func eventIDs(args []string) ([]int64, error) {
	var ids []int64
	for _, a := range args {
		id, err := strconv.ParseInt(a, 10, 64)
		if err != nil || id < 1 {
			return nil, usage(fmt.Errorf("%q is not an event's id, which is a number", a))
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// hint names the word that was probably meant.
func hint(word string, words []string) string {
	if near := strictyaml.Suggest(word, slices.Values(words)); near != "" {
		return "; " + near
	}
	return ""
}
