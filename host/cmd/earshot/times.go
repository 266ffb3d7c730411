package main

import (
	"fmt"
	"time"
)

// when prints a time for a table, in UTC or as how long ago; nil is a dash.
func (c *cli) when(t *time.Time) string {
	switch {
	case t == nil:
		return "-"
	case c.times == "relative":
		return c.ago(time.Since(*t))
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// ago says how long ago something was, or in how long it will be.
func (c *cli) ago(d time.Duration) string {
	pattern := "%s ago"
	if d < 0 {
		d, pattern = -d, "in %s"
	}
	return fmt.Sprintf(c.say(pattern), roughly(d))
}

// roughly is a duration to about two digits, as people say it.
func roughly(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 2*day:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d d", int(d/day))
}
