package check

import (
	"slices"
)

// repeats looks at the calls of one delivery: each against those before it.
func (c *checker) repeats(k id) {
	calls := c.calls[k]
	duplicate := false
	for j, call := range calls {
		if at, ok := c.durable[k]; ok && call.Began > at && !c.faults.late(call) {
			c.r.breach(AfterEnd, "%s was called again %.3f s after its end was durable", k, seconds(call.Began-at))
		}
		for _, earlier := range calls[:j] {
			duplicate = duplicate || earlier.Outcome == Delivered
			c.flagged(k, earlier, call)
			c.explained(k, earlier, call)
			c.apart(k, earlier, call)
			c.receipts(k, earlier, call)
		}
	}
	if duplicate {
		c.r.Duplicates++
	}
}

// flagged: when nobody can know what became of an earlier call, a later one
// says so. A known answer that spent an attempt needs no mark.
func (c *checker) flagged(k id, earlier, call Call) {
	answered := call.Attempt > earlier.Attempt && (earlier.Outcome == Retried || earlier.Outcome == Cancelled)
	if !answered && !call.Redelivered && !c.faults.late(call) {
		c.r.breach(Unflagged, "%s: attempt %d came after one that ended %q, and is not marked as redelivered", k, call.Attempt, earlier.Outcome)
	}
}

// explained: after a success, a repeat needs a fault that kept the success
// from being recorded.
func (c *checker) explained(k id, earlier, call Call) {
	if earlier.Outcome != Delivered {
		return
	}
	crash, crashed := c.crashes[earlier.process()]
	if crashed && crash >= earlier.Began && crash <= call.Began {
		return
	}
	if !c.faults.excuse(earlier, call) && !c.faults.late(call) {
		c.r.breach(Unexplained, "%s was delivered by process %d of host %d and again %.3f s later by process %d of host %d, and nothing had happened",
			k, earlier.PID, earlier.Host, seconds(call.Began-earlier.Ended), call.PID, call.Host)
	}
}

// apart: a call must have ended before the next one begins. Only a process
// that was frozen, and a clock that jumped, may break it.
func (c *checker) apart(k id, earlier, call Call) {
	ended := earlier.Ended
	if ended == 0 {
		// It ran until its process died, which was not before its last line.
		ended = c.lastLine[earlier.process()]
	}
	if call.Began >= ended || c.faults.froze(earlier, call) {
		return
	}
	c.r.breach(Overlap, "%s: process %d of host %d began %.3f s before process %d of host %d had ended",
		k, call.PID, call.Host, seconds(ended-call.Began), earlier.PID, earlier.Host)
}

// receipts: what a call told, and what was recorded with its answer, comes
// with the next call. Of several calls with one attempt's number, nobody can
// say here whose answer was recorded.
func (c *checker) receipts(k id, earlier, call Call) {
	same := 0
	for _, other := range c.calls[k] {
		if other.Attempt == earlier.Attempt {
			same++
		}
	}
	if call.Attempt <= earlier.Attempt || same > 1 {
		return
	}
	for _, person := range earlier.Told {
		if !slices.Contains(call.Had, person) && !c.faults.late(call) {
			c.r.breach(Receipts, "%s: attempt %d had told %s, attempt %d did not know", k, earlier.Attempt, person, call.Attempt)
		}
	}
}

func seconds(ns int64) float64 { return float64(ns) / 1e9 }
