package check

import (
	"cmp"
	"fmt"
	"slices"
)

// id names one delivery.
type id struct {
	event    int64
	listener string
}

func (i id) String() string { return fmt.Sprintf("event %d to %s", i.event, i.listener) }

// process names one process for good; a PID is used again.
type process struct {
	pid   int
	start int64
}

func (c Call) process() process { return process{c.PID, c.Process} }

// checker holds a history in the order in which the rules ask for it.
type checker struct {
	h *History
	r *Report
	// calls of a delivery by time.
	calls map[id][]Call
	ends  map[id]Delivery
	// durable is when a delivery's end was first seen.
	durable map[id]int64
	// lastLine is the last sign of life of a process.
	lastLine map[process]int64
	// crashes are the times at which a process took itself down.
	crashes map[process]int64
	ordered map[string]bool
	faults  faults
}

// Check tells which promises a run has broken.
func Check(h *History) *Report {
	c := &checker{
		h: h, r: &Report{Broken: make(map[Rule]int), Samples: make(map[Rule][]string)},
		calls: make(map[id][]Call), ends: make(map[id]Delivery), durable: make(map[id]int64),
		lastLine: make(map[process]int64), crashes: make(map[process]int64), ordered: make(map[string]bool), faults: newFaults(h.Faults),
	}
	c.index()
	c.r.Events, c.r.Calls, c.r.Deliveries = len(h.Events)+len(h.Missing), len(h.Calls), len(h.Deliveries)
	for _, serial := range h.Missing {
		c.r.breach(Lost, "event %s was committed and is not in the queue", serial)
	}
	for _, ev := range h.Events {
		c.event(ev)
	}
	c.order()
	c.seen()
	return c.r
}

func (c *checker) index() {
	for _, call := range c.h.Calls {
		k := id{call.Event, call.Listener}
		c.calls[k] = append(c.calls[k], call)
		c.lastLine[call.process()] = max(c.lastLine[call.process()], call.Began, call.Ended)
		if call.Outcome == Crashed {
			c.crashes[call.process()] = call.Ended
		}
	}
	for _, list := range c.calls {
		slices.SortFunc(list, func(a, b Call) int { return cmp.Compare(a.Began, b.Began) })
	}
	for _, name := range c.h.Ordered {
		c.ordered[name] = true
	}
	for _, d := range c.h.Deliveries {
		c.ends[id{d.Event, d.Listener}] = d
	}
	for _, s := range c.h.Seen {
		k := id{s.Event, s.Listener}
		if at, ok := c.durable[k]; !ok || s.At < at {
			c.durable[k] = s.At
		}
	}
}

func (c *checker) event(ev Event) {
	row := c.h.Rows[ev.ID]
	open, dead, attempts := 0, 0, 0
	for _, name := range ev.Listeners {
		k := id{ev.ID, name}
		d, ok := c.ends[k]
		if !ok {
			c.r.breach(Lost, "%s was never laid out; the event is %s", k, row.Status)
			continue
		}
		c.end(k, d, ev)
		c.repeats(k)
		attempts = max(attempts, d.Attempts)
		switch {
		case d.State == "open":
			open++
		case d.State == "dead":
			dead++
		}
	}
	c.r.Dead += dead
	want := "processed"
	switch {
	case open > 0:
		want = "processing"
	case dead > 0:
		want = "failed"
	}
	if row.Status != "processed" && row.Status != "failed" {
		c.r.breach(Stuck, "event %d is still %s", ev.ID, row.Status)
	}
	if row.Status != want {
		c.r.breach(RollUp, "event %d is %s, its deliveries make it %s", ev.ID, row.Status, want)
	} else if open == 0 && row.Attempts != attempts {
		c.r.breach(RollUp, "event %d shows %d attempts, its deliveries had %d", ev.ID, row.Attempts, attempts)
	}
}

// end looks at what the tables say of one delivery.
func (c *checker) end(k id, d Delivery, ev Event) {
	if d.State == "open" || d.Open {
		c.r.breach(Stuck, "%s is %s, or still due or held", k, d.State)
	}
	if d.Attempts > ev.MaxAttempts || d.Lost > c.h.MaxLost {
		c.r.breach(Attempts, "%s had %d attempts and %d losses, allowed are %d and %d", k, d.Attempts, d.Lost, ev.MaxAttempts, c.h.MaxLost)
	}
	claimed := map[string]Outcome{"delivered": Delivered, "skipped": Skipped}[d.State]
	if claimed == "" {
		return
	}
	if !slices.ContainsFunc(c.calls[k], func(call Call) bool { return call.Outcome == claimed }) {
		c.r.breach(Lost, "%s is recorded as %s, but no call did it", k, d.State)
	}
}

// seen looks for ends that were durable and are different now.
func (c *checker) seen() {
	for _, s := range c.h.Seen {
		k := id{s.Event, s.Listener}
		if d, ok := c.ends[k]; ok && d.State != s.State {
			c.r.breach(AfterEnd, "%s was %s and is %s now", k, s.State, d.State)
		}
	}
}
