package check

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// second is a time in a run.
func second(n float64) int64 { return int64(n * 1e9) }

// call is a call of event 1 to listener "a" by process 11 of host 1.
func call(began, ended float64, o Outcome) Call {
	return Call{Event: 1, Listener: "a", Attempt: 1, PID: 11, Host: 1, Began: second(began), Ended: second(ended), Outcome: o}
}

// by makes it a call of another process, on another host.
func (c Call) by(pid, host int) Call { c.PID, c.Host = pid, host; return c }

func (c Call) again() Call { c.Redelivered = true; return c }

func (c Call) try(n int) Call { c.Attempt = n; return c }

func (c Call) start(at int64) Call { c.Process = at; return c }

func (c Call) of(event int64) Call { c.Event = event; return c }

func (c Call) told(people ...string) Call { c.Told = people; return c }

func (c Call) had(people ...string) Call { c.Had = people; return c }

func fault(kind Kind, pid int, from, to float64) Fault {
	return Fault{Kind: kind, PID: pid, From: second(from), To: second(to)}
}

// good is a run in which one event was told to one listener, and all was well.
func good() History {
	return History{
		Events:     []Event{{ID: 1, Listeners: []string{"a"}, MaxAttempts: 3}},
		Rows:       map[int64]Row{1: {"processed", 1}},
		Deliveries: []Delivery{{Event: 1, Listener: "a", State: "delivered", Attempts: 1}},
		Calls:      []Call{call(10, 11, Delivered)},
		MaxLost:    3,
	}
}

// pair is a run with two events of one key.
func pair(calls ...Call) History {
	h := good()
	h.Ordered = []string{"a"}
	h.Events = []Event{{ID: 1, Key: "k", Listeners: []string{"a"}, MaxAttempts: 3}, {ID: 2, Key: "k", Listeners: []string{"a"}, MaxAttempts: 3}}
	h.Rows[2] = Row{"processed", 1}
	h.Deliveries = append(h.Deliveries, Delivery{Event: 2, Listener: "a", State: "delivered", Attempts: 1})
	h.Calls = calls
	return h
}

func TestCheck(t *testing.T) {
	change := func(f func(h *History)) History {
		h := good()
		f(&h)
		return h
	}
	calls := func(cs ...Call) History { return change(func(h *History) { h.Calls = cs }) }
	with := func(h History, fs ...Fault) History { h.Faults = fs; return h }

	tests := []struct {
		name string
		h    History
		want []Rule
	}{
		{"all well", good(), nil},

		{"a committed event is gone", change(func(h *History) { h.Missing = []string{"w1"} }), []Rule{Lost}},
		{"never laid out", change(func(h *History) { h.Deliveries = nil; h.Rows[1] = Row{"processed", 0} }), []Rule{Lost}},
		{"recorded as delivered by nobody", calls(), []Rule{Lost}},
		{"recorded as delivered, but it was refused", calls(call(10, 11, Rejected)), []Rule{Lost}},

		{"still open", change(func(h *History) { h.Deliveries[0].State = "open"; h.Rows[1] = Row{"processing", 1} }), []Rule{Stuck}},
		{"ended, and still due", change(func(h *History) { h.Deliveries[0].Open = true }), []Rule{Stuck}},
		{"event never claimed", change(func(h *History) { h.Rows[1] = Row{"pending", 0}; h.Deliveries = nil }), []Rule{Lost, RollUp, Stuck}},
		{"event forgotten by the last recorder", change(func(h *History) { h.Rows[1] = Row{"processing", 1} }), []Rule{RollUp, Stuck}},
		{"event processed though one is dead", change(func(h *History) { h.Deliveries[0].State = "dead" }), []Rule{RollUp}},
		{"event failed as one is dead", change(func(h *History) { h.Deliveries[0].State = "dead"; h.Rows[1] = Row{"failed", 1} }), nil},
		{"attempts of the event are others", change(func(h *History) { h.Rows[1] = Row{"processed", 2} }), []Rule{RollUp}},

		{"too many attempts", change(func(h *History) { h.Deliveries[0].Attempts = 4; h.Rows[1] = Row{"processed", 4} }), []Rule{Attempts}},
		{"too many losses", change(func(h *History) { h.Deliveries[0].Lost = 4 }), []Rule{Attempts}},

		{"a retry", calls(call(10, 11, Retried), call(12, 13, Delivered).try(2)), nil},
		{"a retry of an answer that was not recorded", calls(call(10, 11, Retried), call(12, 13, Delivered)), []Rule{Unflagged}},
		{"the same, marked", calls(call(10, 11, Retried), call(12, 13, Delivered).again()), nil},
		{"host killed in the call", with(calls(call(10, 0, ""), call(17, 18, Delivered).by(22, 2).again()), fault(HostKill, 1, 10.5, 10.5)), nil},
		{"host killed in the call, not marked", with(calls(call(10, 0, ""), call(17, 18, Delivered).by(22, 2)), fault(HostKill, 1, 10.5, 10.5)), []Rule{Unflagged}},

		{"host killed after the call", with(calls(call(10, 11, Delivered), call(17, 18, Delivered).by(22, 2).again()), fault(HostKill, 1, 11.1, 11.1)), nil},
		{"another host was killed", with(calls(call(10, 11, Delivered), call(17, 18, Delivered).by(22, 2).again()), fault(HostKill, 3, 11.1, 11.1)), []Rule{Unexplained}},
		{"killed long before", with(calls(call(10, 11, Delivered), call(17, 18, Delivered).by(22, 2).again()), fault(HostKill, 1, 1, 1)), []Rule{Unexplained}},
		{"database killed after the call", with(calls(call(10, 11, Delivered), call(17, 18, Delivered).by(22, 2).again()), fault(DBKill, 0, 11.1, 12)), nil},
		{"twice for no reason", calls(call(10, 11, Delivered), call(17, 18, Delivered).again()), []Rule{Unexplained}},
		{"a graceful stop excuses nothing", with(calls(call(10, 11, Delivered), call(17, 18, Delivered).by(22, 2).again()), fault(HostTerm, 1, 11, 11)), []Rule{Unexplained}},
		{"its neighbour took the process down", change(func(h *History) {
			h.Calls = []Call{call(10, 11, Delivered), call(10, 11.1, Crashed).of(7), call(17, 18, Delivered).by(22, 2).again()}
		}), nil},

		{"called again after its end was seen", with(change(func(h *History) {
			h.Calls = append(h.Calls, call(20, 21, Delivered).by(22, 2).again())
			h.Seen = []Seen{{1, "a", "delivered", second(15)}}
		}), fault(DBKill, 0, 12, 13)), []Rule{AfterEnd}},
		{"a frozen host says late what it had decided before", with(change(func(h *History) {
			h.Calls = append(h.Calls, call(20, 21, Delivered).by(22, 2).again())
			h.Seen = []Seen{{1, "a", "delivered", second(15)}}
		}), fault(HostStop, 2, 9, 19.9)), nil},
		{"its end was taken back", change(func(h *History) { h.Seen = []Seen{{1, "a", "dead", second(12)}} }), []Rule{AfterEnd}},

		{"two at once", with(calls(call(10, 14, Delivered), call(12, 13, Delivered).by(22, 2).again()), fault(Cut, 1, 11, 11)), []Rule{Overlap}},
		{"two at once, one without an end", with(calls(call(10, 0, ""), call(12, 13, Delivered).by(22, 2).again(), call(14, 15, Skipped).of(9)), fault(Cut, 1, 11, 11)), []Rule{Overlap}},
		{"one after the other, and the first one's number is used again", with(calls(call(10, 0, ""), call(12, 13, Delivered).by(22, 2).again(), call(14, 15, Skipped).of(9).start(5)), fault(Cut, 1, 11, 11)), nil},
		{"two at once, one was frozen", with(calls(call(10, 14, Delivered), call(12, 13, Delivered).by(22, 2).again()), fault(PluginStop, 11, 10, 13.9)), nil},
		{"two at once, the clock had jumped", with(calls(call(10, 14, Delivered), call(12, 13, Delivered).by(22, 2).again()), fault(Clock, 0, 11, 13)), nil},

		{"who was told is known", calls(call(10, 11, Retried).told("p1"), call(12, 13, Delivered).try(2).had("p1")), nil},
		{"who was told is forgotten", calls(call(10, 11, Retried).told("p1"), call(12, 13, Delivered).try(2)), []Rule{Receipts}},
		{"told in an attempt that was not recorded", with(calls(
			call(10, 11, Retried).told("p1"), call(17, 18, Retried).again(), call(20, 21, Delivered).try(2).again()), fault(HostKill, 1, 11, 11)), nil},

		{"in order", pair(call(10, 11, Delivered), call(11.1, 12, Delivered).of(2)), nil},
		{"the second first", pair(call(10, 11, Delivered), call(8, 9, Delivered).of(2)), []Rule{Order}},
		{"side by side", pair(call(10, 11, Delivered), call(10.5, 12, Delivered).of(2)), []Rule{Order}},
		{"a repeat after the second had begun", with(pair(call(10, 11, Delivered), call(11.1, 12, Delivered).of(2), call(17, 18, Delivered).again()),
			fault(HostKill, 1, 11, 11)), []Rule{Order}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Check(&tt.h)
			got := slices.Sorted(maps.Keys(r.Broken))
			slices.Sort(tt.want)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("broken rules (-want +got):\n%s\n%v", diff, r.Samples)
			}
		})
	}
}
