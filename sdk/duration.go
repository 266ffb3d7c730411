package sdk

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a time span of the configuration, written like "30s", "1h30m",
// "7d" or "2w"; a day is 24 hours.
type Duration time.Duration

// Std returns d as the standard library's.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String writes d as the standard library does.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes d so that UnmarshalText reads it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads d; a negative one is refused.
func (d *Duration) UnmarshalText(text []byte) error {
	rest, total := string(text), time.Duration(0)
	if rest == "" {
		return badDuration(text)
	}
	for _, unit := range []struct {
		name string
		span time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		head, tail, ok := strings.Cut(rest, unit.name)
		if !ok {
			continue
		}
		// 13 bits of weeks and of days together stay within a time.Duration.
		n, err := strconv.ParseUint(head, 10, 13)
		if err != nil {
			return badDuration(text)
		}
		total += time.Duration(n) * unit.span
		rest = tail
	}
	if rest != "" {
		more, err := time.ParseDuration(rest)
		if err != nil {
			return badDuration(text)
		}
		if more < 0 {
			return errors.New("must not be negative")
		}
		total += more
	}
	*d = Duration(total)
	return nil
}

func badDuration(text []byte) error {
	return fmt.Errorf("%q is not a duration like 30s, 5m or 7d", text)
}
