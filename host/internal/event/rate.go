package event

import "time"

// Rate bounds the attempts of one listener over all hosts of a database; the
// zero Rate is no bound.
type Rate struct {
	// Events in any span of Per.
	Events int
	Per    time.Duration
}

// burst is how many may begin at once: a tenth, so that pacing costs little
// and a limit counted by the provider is never passed.
func (r Rate) burst() int { return max(1, r.Events/10) }

// interval is the time between two attempts at full rate. With burst b of n,
// no span of Per then holds more than n.
func (r Rate) interval() time.Duration { return r.Per / time.Duration(r.Events-r.burst()+1) }

// Allow says how many of want may begin, given how far ahead of the clock the
// listener's schedule is; wait is when one more may, if fewer than want may now.
// It is the generic cell rate algorithm (ITU-T I.371).
func (r Rate) Allow(ahead time.Duration, want int) (n int, wait time.Duration) {
	if r.Events <= 0 || r.Per <= 0 {
		return want, 0
	}
	step := r.interval()
	room := time.Duration(r.burst())*step - max(ahead, 0)
	n = min(max(int(room/step), 0), want)
	if n < want {
		wait = time.Duration(n+1)*step - room
	}
	return n, wait
}

// Spend returns how far ahead the schedule is after n more have begun.
func (r Rate) Spend(ahead time.Duration, n int) time.Duration {
	if r.Events <= 0 || r.Per <= 0 {
		return 0
	}
	return max(ahead, 0) + time.Duration(n)*r.interval()
}
