package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/queue"
)

// late is how long due events may wait before somebody should look.
const late = 5 * time.Minute

// rows reports what the events themselves tell.
func (d *exam) rows(ctx context.Context) {
	s, err := d.Store.Suspicious(ctx)
	if err != nil {
		d.warn(Events, "rows", err.Error(), "")
		return
	}
	if s.Stuck > 0 {
		d.warn(Events, "stuck", fmt.Sprintf("%d events are in processing, and nobody works on them: %s", s.Stuck, ids(s.StuckIDs)),
			"another worker has left them: stop it, then set their status to pending (UPDATE … SET status = 'pending' WHERE id IN (…))")
	} else {
		d.ok(Events, "stuck", "every event in processing has a delivery that is open")
	}
	if s.Cut > 0 {
		d.warn(Events, "cut", fmt.Sprintf("%d payloads among the newest end at 65,535 bytes, as if cut: %s", s.Cut, ids(s.CutIDs)),
			"make the payload column LONGTEXT and sql_mode strict; these events cannot be mended")
	}
	if s.Reused > 0 {
		d.fail(Events, "ids", fmt.Sprintf("%d of the newest events have ids that were used before, so that they count as delivered: %s", s.Reused, ids(s.ReusedIDs)),
			"the table was emptied and counts from 1 again: delete what Earshot knows of the old events (DELETE FROM event_deliveries WHERE created_at < …), then set the new ones to pending")
	}
	if s.Ahead > 2*time.Minute {
		d.warn(Events, "zone", fmt.Sprintf("the newest event was written %s in the database's future", s.Ahead.Round(time.Minute)),
			"the application and its database session use different time zones; scheduled_at is compared with the database's NOW()")
	} else {
		d.ok(Events, "zone", "the application and its database agree on the time")
	}
	d.foreign(s)
	d.names(s)
}

// foreign reports events that a worker of the application has processed.
func (d *exam) foreign(s queue.Suspicious) {
	if d.Routes == nil {
		return
	}
	n := 0
	for name, count := range s.Foreign {
		// An event that nobody is told of is processed without a delivery.
		if len(d.Routes.Plan(event.Event{Name: name, Payload: []byte("{}")}).Targets) > 0 {
			n += count
		}
	}
	if n == 0 {
		d.ok(Events, "other workers", "nobody else processes this queue")
		return
	}
	d.warn(Events, "other workers", fmt.Sprintf("%d of the newest events were processed, but not by Earshot", n),
		"if they are from before the change, all is well; else the application's own worker still runs: take it out of cron, or people are told twice")
}

// names reports events that nobody is registered for.
func (d *exam) names(s queue.Suspicious) {
	if d.Routes == nil {
		return
	}
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(s.Names)) {
		if p := d.Routes.Plan(event.Event{Name: name, Payload: []byte("{}")}); strings.HasPrefix(p.Refused, "no listener") {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		d.warn(Events, "routes", "events.yaml has no entry for: "+strings.Join(unknown, ", "),
			"add them to events, with [] if nobody is to be told; then run: earshot queue retry --failed")
		return
	}
	d.ok(Events, "routes", "every event among the newest has an entry in events.yaml")
}

// backlog reports what waits.
func (d *exam) backlog(ctx context.Context) {
	age, err := d.Store.OldestDue(ctx)
	switch {
	case err != nil:
		d.warn(Events, "backlog", err.Error(), "")
	case age > late:
		d.fail(Events, "backlog", fmt.Sprintf("due events have been waiting for %s", age.Round(time.Second)),
			"is a host running? Start it with: earshot run, or from cron: earshot run --once")
	default:
		d.ok(Events, "backlog", "no due event has waited long")
	}
	listeners, err := d.Store.Listeners(ctx)
	if err != nil {
		d.warn(Events, "listeners", err.Error(), "")
		return
	}
	for _, l := range listeners {
		name := "listener " + l.Listener
		switch {
		case l.State == "paused":
			d.warn(Events, name, fmt.Sprintf("is paused, %d deliveries wait", l.Open), "when it may go on run: earshot queue resume --listener "+l.Listener)
		case l.State == "held":
			d.fail(Events, name, "cannot deliver now: "+l.Reason, "mend it; hosts try again by themselves, or run: earshot queue resume --listener "+l.Listener)
		case l.OldestDue != nil && time.Since(*l.OldestDue) > late:
			d.warn(Events, name, fmt.Sprintf("a due delivery has been waiting for %s", time.Since(*l.OldestDue).Round(time.Second)), "raise its concurrency, or run more hosts; see: earshot queue stats")
		case l.Dead > 0:
			d.warn(Events, name, fmt.Sprintf("%d deliveries were given up", l.Dead), "see: earshot queue list --status failed --listener "+l.Listener+"; then retry or discard them")
		}
	}
}

func ids(list []int64) string {
	var words []string
	for _, id := range list[:min(len(list), 5)] {
		words = append(words, fmt.Sprint(id))
	}
	if len(list) > 5 {
		words = append(words, "…")
	}
	return strings.Join(words, ", ")
}
