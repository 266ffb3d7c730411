package event_test

import (
	"testing"
	"time"

	"github.com/earshot-host/earshot/host/internal/event"
)

func TestTrip(t *testing.T) {
	wrong := &event.Outcome{Code: event.Unavailable, Reason: "wrong password"}
	later := &event.Outcome{Code: event.Unavailable, Reason: "come back", RetryAfter: 2 * time.Hour}
	tests := []struct {
		name        string
		before      event.Breaker
		unavailable *event.Outcome
		crashed     string
		after       event.Breaker
		hold        time.Duration
	}{
		{"first hold", event.Breaker{}, wrong, "", event.Breaker{Holds: 1}, time.Minute},
		{"each in a row is longer", event.Breaker{Holds: 2}, wrong, "", event.Breaker{Holds: 3}, 4 * time.Minute},
		{"up to a bound", event.Breaker{Holds: 40}, wrong, "", event.Breaker{Holds: 41}, event.MaxHold},
		{"the listener's own wish", event.Breaker{Holds: 2}, later, "", event.Breaker{Holds: 3}, 2 * time.Hour},
		{"one that ran beside another", event.Breaker{Holds: 1, Held: true}, wrong, "", event.Breaker{Holds: 1, Held: true}, 2 * time.Minute},
		{"a crash alone holds nothing", event.Breaker{}, nil, "exit code 3", event.Breaker{Crashes: 1}, 0},
		{"too many do", event.Breaker{Crashes: event.MaxCrashes}, nil, "exit code 3", event.Breaker{Holds: 1}, time.Minute},
		{"but not over a long time", event.Breaker{Crashes: event.MaxCrashes, Window: event.CrashWindow + 1}, nil, "exit code 3",
			event.Breaker{Crashes: 1, Window: event.CrashWindow + 1}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			after, hold := tt.before.Trip(tt.unavailable, tt.crashed)
			if after != tt.after {
				t.Errorf("breaker = %+v, want %+v", after, tt.after)
			}
			switch {
			case tt.hold == 0 && hold != nil:
				t.Errorf("hold = %+v, want none", hold)
			case tt.hold > 0 && (hold == nil || hold.For != tt.hold || hold.Reason == ""):
				t.Errorf("hold = %+v, want %s and a reason", hold, tt.hold)
			}
		})
	}
}
