package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/earshot-host/earshot/host/internal/queue"
)

const (
	// slow is more than a statement takes to a database nearby.
	slow = 20 * time.Millisecond
	// skewed is how far two clocks may be apart before people are confused.
	skewed = 5 * time.Second
)

// server reports on the database; false if it did not answer.
func (d *exam) server(ctx context.Context) bool {
	s, err := d.Store.Server(ctx)
	if err != nil {
		d.fail(Database, "server", err.Error(), "start the server, or correct database.dsn")
		return false
	}
	detail := fmt.Sprintf("%s %s, %s per statement", s.Kind, s.Version, s.Latency.Round(10*time.Microsecond))
	if s.Latency > slow {
		d.warn(Database, "server", detail, "run the host nearer to its database: every claim and every commit waits for it")
	} else {
		d.ok(Database, "server", detail)
	}
	if !s.Strict() {
		d.warn(Database, "sql_mode", "it is not strict: the server cuts payloads that are longer than their column, without a word",
			"add STRICT_TRANS_TABLES to sql_mode, or make the payload column LONGTEXT")
	} else {
		d.ok(Database, "sql_mode", "texts that are too long are refused, not cut")
	}
	if s.Skew.Abs() > skewed {
		d.warn(Database, "clock", fmt.Sprintf("the database is %s %s this machine", s.Skew.Abs().Round(time.Second), map[bool]string{true: "ahead of", false: "behind"}[s.Skew > 0]),
			"set both clocks by NTP; leases go by the database's, so that nothing is lost meanwhile")
	} else {
		d.ok(Database, "clock", "the database and this machine agree")
	}
	d.cluster(s)
	return true
}

// cluster reports on a Galera node.
func (d *exam) cluster(s queue.Server) {
	if on := s.Galera["wsrep_on"]; on != "ON" || s.Galera["wsrep_cluster_size"] == "" || s.Galera["wsrep_cluster_size"] == "0" {
		return
	}
	state := fmt.Sprintf("node is %s, %s, of %s nodes", s.Galera["wsrep_cluster_status"], s.Galera["wsrep_local_state_comment"], s.Galera["wsrep_cluster_size"])
	if s.Galera["wsrep_ready"] != "ON" || s.Galera["wsrep_cluster_status"] != "Primary" {
		d.fail(Database, "cluster", state, "connect to a node that is Primary and Synced, or mend this one")
		return
	}
	d.ok(Database, "cluster", state)
}

// rights reports what the account may not do, and what it need not.
func (d *exam) rights(ctx context.Context) {
	var missing []string
	for _, r := range d.Store.Rights(ctx) {
		if r.Err != nil {
			missing = append(missing, r.What)
		}
	}
	if len(missing) > 0 {
		d.fail(Database, "rights", "the account lacks "+strings.Join(missing, ", "), "GRANT them to the account of database.dsn")
		return
	}
	grants, err := d.Store.Grants(ctx)
	if err != nil {
		d.warn(Database, "rights", err.Error(), "")
		return
	}
	for _, g := range grants {
		if strings.Contains(g, " ON *.* ") && (strings.HasPrefix(g, "GRANT ALL") || strings.Contains(g, "SUPER")) {
			d.warn(Database, "rights", "the account may do everything on this server",
				"use one of its own: SELECT, UPDATE on the queue, and SELECT, INSERT, UPDATE, DELETE on Earshot's own tables (event_…)")
			return
		}
	}
	d.ok(Database, "rights", "the account may do what a host does")
}

// index reports how claims find due events.
func (d *exam) index(ctx context.Context) {
	p, err := d.Store.ExplainClaim(ctx)
	switch {
	case err != nil:
		d.warn(Database, "index", err.Error(), "")
	case p.Index == "":
		d.warn(Database, "index", "no index leads to due events in order: each claim sorts all that are pending ("+p.Explained+")",
			"it is fast enough for some thousands; for more run: "+p.Create)
	default:
		d.ok(Database, "index", "claims go by "+p.Index+" ("+p.Explained+")")
	}
}
