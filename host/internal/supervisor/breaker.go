package supervisor

import (
	"math"
	"time"
)

// Restart says when a plugin that ended may be started again. Zero fields take
// the defaults in brackets.
type Restart struct {
	// First wait (1 s), doubled with each failure in a row up to Max (60 s).
	First, Max time.Duration
	// Healthy is the life after which earlier failures are forgotten (5 min).
	Healthy time.Duration
	// More than Crashes (5) within Window (10 min) open the breaker: the plugin
	// is left alone for Pause (5 min), and then given one delivery to prove itself.
	Crashes       int
	Window, Pause time.Duration
}

func (r Restart) withDefaults() Restart {
	r.First = orDefault(r.First, time.Second)
	r.Max = orDefault(r.Max, time.Minute)
	r.Healthy = orDefault(r.Healthy, 5*time.Minute)
	r.Window = orDefault(r.Window, 10*time.Minute)
	r.Pause = orDefault(r.Pause, 5*time.Minute)
	if r.Crashes <= 0 {
		r.Crashes = 5
	}
	return r
}

func orDefault(d, def time.Duration) time.Duration {
	if d <= 0 {
		return def
	}
	return d
}

// breaker keeps count of a listener's failures. It is not safe for concurrent use.
type breaker struct {
	Restart
	// random is from [0, 1).
	random func() float64

	row     int // failures in a row
	crashes []time.Time
	until   time.Time
	last    error
	opened  bool
}

// refuses says how much longer the plugin must be left alone, and why.
func (b *breaker) refuses(now time.Time) (time.Duration, error) {
	if now.Before(b.until) {
		return b.until.Sub(now), b.last
	}
	return 0, nil
}

// failed takes note of a crash or of a start that failed, and returns how long
// the plugin must be left alone now.
func (b *breaker) failed(now time.Time, err error) time.Duration {
	b.row++
	recent := b.crashes[:0]
	for _, t := range b.crashes {
		if now.Sub(t) < b.Window {
			recent = append(recent, t)
		}
	}
	b.crashes = append(recent, now)
	wait := b.backoff(b.row)
	if b.opened || len(b.crashes) > b.Crashes {
		b.opened, wait = true, b.Pause
	}
	b.hold(now, wait, err)
	return wait
}

// hold leaves the plugin alone without counting a failure.
func (b *breaker) hold(now time.Time, wait time.Duration, err error) {
	b.until, b.last = now.Add(wait), err
}

// reset forgets all failures.
func (b *breaker) reset() {
	b.row, b.crashes, b.until, b.last, b.opened = 0, nil, time.Time{}, nil, false
}

// backoff is between half and all of First, doubled for each failure in a row:
// the spread keeps hosts apart that failed together.
func (b *breaker) backoff(row int) time.Duration {
	full := min(float64(b.First)*math.Pow(2, float64(row-1)), float64(b.Max))
	return time.Duration(full * (1 + b.random()) / 2)
}
