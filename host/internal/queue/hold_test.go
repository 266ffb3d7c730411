package queue_test

import (
	"testing"
	"time"

	"github.com/earshot-host/earshot/host/internal/event"
)

func (f fixture) standing(listener string) event.DueListener {
	f.t.Helper()
	due, err := f.Due(f.t.Context(), []string{listener})
	if err != nil {
		f.t.Fatal(err)
	}
	l := due.Listeners[listener]
	l.Due = false
	return l
}

func TestAHoldEndsWithAProbe(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert(3)
		ds := f.claim(f.Store, 3, to("email"))
		wrong := event.Outcome{Code: event.Unavailable, Reason: "wrong password"}
		// Calls that ran side by side are one hold, not two.
		f.record(f.Store, 0, settled(ds[0], wrong))
		f.record(f.Store, 0, settled(ds[1], wrong))
		if got := f.standing("email"); !got.Held || got.Probing {
			t.Fatalf("after Unavailable the listener is %+v, want held", got)
		}
		f.want("1", "SELECT holds FROM event_listeners WHERE held_since IS NOT NULL")
		f.exec("UPDATE event_listeners SET held_until = '2020-01-01 00:00:00'")
		if got := f.standing("email"); got.Held || !got.Probing {
			t.Fatalf("after the hold the listener is %+v, want probing", got)
		}
		f.record(f.Store, 0, delivered(ds[2]))
		if got := f.standing("email"); got != (event.DueListener{}) {
			t.Errorf("after a delivery the listener is %+v, want free", got)
		}
		f.want("0", "SELECT COUNT(*) FROM event_listeners WHERE held_since IS NOT NULL OR reason IS NOT NULL")
	})
}

func TestRepeatedCrashesHoldTheListener(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert(event.MaxCrashes + 2)
		for i := range event.MaxCrashes + 1 {
			d := f.claim(f.Store, 1, to("email"))[0]
			if got := f.standing("email"); got.Held {
				t.Fatalf("held after %d crashes", i)
			}
			f.record(f.Store, 0, settled(d, event.Outcome{Code: event.Lost, Reason: "exit code 3"}))
		}
		if got := f.standing("email"); !got.Held {
			t.Errorf("not held after %d crashes", event.MaxCrashes+1)
		}
		f.want("the plugin crashed 6 times within 10m0s, last: exit code 3", "SELECT reason FROM event_listeners")
		f.want("0", "SELECT MAX(attempts) FROM event_deliveries")
	})
}

func TestCrashesLongAgoDoNotCount(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.exec("INSERT INTO event_listeners (listener, crashes, crashes_since) VALUES ('email', 5, '2020-01-01 00:00:00')")
		f.insert(1)
		d := f.claim(f.Store, 1, to("email"))[0]
		f.record(f.Store, 0, settled(d, event.Outcome{Code: event.Lost, Reason: "exit code 3"}))
		if got := f.standing("email"); got.Held {
			t.Error("held for crashes of another year")
		}
		f.want("1", "SELECT crashes FROM event_listeners WHERE crashes_since > '2021-01-01'")
	})
}

func TestAPausedListenerIsHeld(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.exec("INSERT INTO event_listeners (listener, paused_at) VALUES ('email', ?)", time.Now().UTC())
		if got := f.standing("email"); !got.Held {
			t.Errorf("a paused listener is %+v, want held", got)
		}
	})
}
