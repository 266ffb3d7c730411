package check

import "slices"

// order: of the events with one key, each is finished before the next begins.
func (c *checker) order() {
	type lane struct{ listener, key string }
	lanes := make(map[lane][]int64)
	for _, ev := range c.h.Events {
		if ev.Key == "" {
			continue
		}
		for _, name := range ev.Listeners {
			lanes[lane{name, ev.Key}] = append(lanes[lane{name, ev.Key}], ev.ID)
		}
	}
	for l, events := range lanes {
		if !c.ordered[l.listener] {
			continue
		}
		slices.Sort(events)
		for i := 1; i < len(events); i++ {
			c.follows(l.key, id{events[i-1], l.listener}, id{events[i], l.listener})
		}
	}
}

// follows looks whether all calls of one delivery were over when the next
// delivery's first began.
func (c *checker) follows(key string, first, next id) {
	begun, ok := c.firstBegin(next)
	if !ok {
		return
	}
	for _, call := range c.calls[first] {
		if c.faults.late(call) || c.faults.frozen(call) {
			continue
		}
		if call.Began > begun || call.Ended > begun {
			c.r.breach(Order, "key %s: %s began %.3f s before a call of %s had ended", key, next, seconds(max(call.Began, call.Ended)-begun), first)
		}
	}
}

func (c *checker) firstBegin(k id) (at int64, ok bool) {
	for _, call := range c.calls[k] {
		if !c.faults.late(call) {
			return call.Began, true
		}
	}
	return 0, false
}
