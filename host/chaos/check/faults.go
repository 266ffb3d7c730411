package check

import "slices"

// grace is how long after a fault's end its effects may still show: a process
// that goes on after a freeze first does what it had decided to do.
const grace = int64(3e9)

// faults answers whether a fault can explain what was seen.
type faults struct {
	byPID map[int][]Fault
	all   []Fault
}

func newFaults(list []Fault) faults {
	f := faults{byPID: make(map[int][]Fault)}
	for _, x := range list {
		if x.PID == 0 {
			f.all = append(f.all, x)
		} else {
			f.byPID[x.PID] = append(f.byPID[x.PID], x)
		}
	}
	return f
}

// any reports whether a fault of one of kinds hit pid, or everybody, in a span of time.
func (f faults) any(from, to int64, pids []int, kinds ...Kind) bool {
	hit := func(x Fault) bool {
		return x.From <= to && x.To+grace >= from && slices.Contains(kinds, x.Kind)
	}
	if slices.ContainsFunc(f.all, hit) {
		return true
	}
	return slices.ContainsFunc(pids, func(pid int) bool { return slices.ContainsFunc(f.byPID[pid], hit) })
}

// late reports whether a call may have begun long after it was sent, because
// its plugin or its host was frozen at the time, or whose lease the clock ended.
func (f faults) late(c Call) bool {
	return f.any(c.Began, c.Began, []int{c.PID, c.Host}, HostStop, PluginStop, Clock)
}

// frozen reports whether a freeze may have kept a call from ending in time.
func (f faults) frozen(c Call) bool {
	return f.any(c.Began, max(c.Began, c.Ended), []int{c.PID, c.Host}, HostStop, PluginStop, Clock)
}

// froze reports whether one of two calls was frozen while they ran.
func (f faults) froze(a, b Call) bool { return f.frozen(a) || f.frozen(b) }

// excuse reports whether a fault between two calls may have kept the first
// one's success from being recorded.
func (f faults) excuse(earlier, later Call) bool {
	return f.any(earlier.Began, later.Began, []int{earlier.PID, earlier.Host},
		HostKill, HostStop, PluginKill, PluginStop, DBKill, DBStop, NodeKill, Cut, HalfOpen, DiskFull, Clock)
}
