package check

import (
	"fmt"
	"io"
	"maps"
	"slices"
)

// Rule names a promise.
type Rule string

// The promises.
const (
	Lost        Rule = "nothing is lost"
	AfterEnd    Rule = "what has ended durably is never run again"
	Unflagged   Rule = "a repeat is marked as redelivered"
	Unexplained Rule = "a duplicate needs a fault that explains it"
	Overlap     Rule = "nobody else is inside a live lease"
	Stuck       Rule = "every event is final"
	RollUp      Rule = "an event's status follows from its deliveries"
	Attempts    Rule = "no more attempts than allowed"
	Order       Rule = "deliveries with one key go in order"
	Receipts    Rule = "who was told is not told again"
)

// Report is what Check found.
type Report struct {
	Events, Deliveries, Calls, Dead int
	// Duplicates are deliveries that were made more than once; all are explained
	// unless Broken says otherwise.
	Duplicates int
	// Broken counts breaches by rule.
	Broken map[Rule]int
	// Samples describe the first breaches of each rule.
	Samples map[Rule][]string
}

const maxSamples = 5

func (r *Report) breach(rule Rule, format string, args ...any) {
	r.Broken[rule]++
	if len(r.Samples[rule]) < maxSamples {
		r.Samples[rule] = append(r.Samples[rule], fmt.Sprintf(format, args...))
	}
}

// OK reports whether every promise was kept.
func (r *Report) OK() bool { return len(r.Broken) == 0 }

// Print writes the report for people.
func (r *Report) Print(w io.Writer) {
	fmt.Fprintf(w, "%d events, %d deliveries (%d dead), %d calls: %d lost, %d duplicates (%d unexplained), %d stuck\n",
		r.Events, r.Deliveries, r.Dead, r.Calls, r.Broken[Lost], r.Duplicates, r.Broken[Unexplained], r.Broken[Stuck])
	for _, rule := range slices.Sorted(maps.Keys(r.Broken)) {
		fmt.Fprintf(w, "BROKEN %d times: %s\n", r.Broken[rule], rule)
		for _, s := range r.Samples[rule] {
			fmt.Fprintf(w, "  %s\n", s)
		}
	}
}
