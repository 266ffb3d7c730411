package event_test

import (
	"testing"
	"time"

	"github.com/earshot-host/earshot/host/internal/event"
)

// Whatever the pace of asking, no span of Per holds more than Events, and over
// a long time nearly all of what is allowed is used.
func TestRateNeverPassesItsLimit(t *testing.T) {
	for _, r := range []event.Rate{{1, time.Minute}, {2, time.Minute}, {30, time.Minute}, {10, time.Second}, {1000, time.Hour}} {
		var starts []time.Duration
		next := time.Duration(0) // on the schedule's own clock
		for now := time.Duration(0); now < 5*r.Per; now += r.Per / 997 {
			n, wait := r.Allow(next-now, 7)
			if n < 7 && wait <= 0 {
				t.Fatalf("%+v allows %d of 7 and names no wait", r, n)
			}
			if n == 0 {
				continue
			}
			next = now + r.Spend(next-now, n)
			for range n {
				starts = append(starts, now)
			}
		}
		for i, first := range starts {
			in := 0
			for _, s := range starts[i:] {
				if s < first+r.Per {
					in++
				}
			}
			if in > r.Events {
				t.Fatalf("%+v: %d began within one span", r, in)
			}
		}
		if len(starts) < 5*r.Events*8/10 {
			t.Errorf("%+v: only %d began in five spans", r, len(starts))
		}
	}
}

func TestWaitIsLongEnoughForOneMore(t *testing.T) {
	r := event.Rate{Events: 30, Per: time.Minute}
	ahead := r.Spend(0, 3)
	n, wait := r.Allow(ahead, 5)
	if n != 0 || wait <= 0 {
		t.Fatalf("Allow = %d, %s after the burst", n, wait)
	}
	if n, _ = r.Allow(ahead-wait, 5); n != 1 {
		t.Errorf("after the wait %d may begin, want 1", n)
	}
	if n, _ = r.Allow(ahead-wait+time.Millisecond, 5); n != 0 {
		t.Error("one may begin before the wait is over")
	}
}

func TestNoRateIsNoBound(t *testing.T) {
	if n, wait := (event.Rate{}).Allow(time.Hour, 500); n != 500 || wait != 0 {
		t.Errorf("Allow = %d, %s", n, wait)
	}
}
