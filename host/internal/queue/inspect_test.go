package queue_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/earshot-host/earshot/host/internal/event"
)

func TestServer(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		s, err := f.Server(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if s.Version == "" || s.Latency <= 0 || !s.Strict() || s.Skew.Abs().Minutes() > 1 {
			t.Errorf("server = %+v", s)
		}
		if want := map[string]string{"mysql": "", "sqlite": "SQLite"}[f.db.Driver]; want != "" && s.Kind != want {
			t.Errorf("kind = %s, want %s", s.Kind, want)
		}
	})
}

func TestExplainClaim(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		p, err := f.ExplainClaim(t.Context())
		if err != nil || p.Index == "" || p.Explained == "" {
			t.Errorf("plan = %+v, %v, want our own index", p, err)
		}
		f.exec("CREATE TABLE ea_event_queue AS SELECT * FROM event_queue")
		adopted := f.host("b", "ea_event_queue")
		p, err = adopted.ExplainClaim(t.Context())
		if err != nil || p.Index != "" {
			t.Errorf("plan = %+v, %v, want no index", p, err)
		}
		f.exec(p.Create)
		if p, err = adopted.ExplainClaim(t.Context()); err != nil || p.Index != "earshot_due" {
			t.Errorf("plan = %+v, %v, want the index that it proposed", p, err)
		}
	})
}

// TestExplainedClaimIsTheClaim holds the statement that is explained to the one
// that is run.
func TestExplainedClaimIsTheClaim(t *testing.T) {
	code, err := os.ReadFile("claim.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"WHERE e.status = 'pending' AND (e.scheduled_at IS NULL OR e.scheduled_at <= `+s.queueNow+`)", "ORDER BY e.scheduled_at, e.id LIMIT"} {
		if !strings.Contains(string(code), part) {
			t.Errorf("claim.go has no %q: bring claimShape in line with it", part)
		}
	}
}

func TestSuspicious(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.insert(4)
		f.claim(f.Store, 2, func(ev event.Event) event.Plan { return to("email")(ev) })
		f.exec("UPDATE event_queue SET update_datetime = '2020-01-01 00:00:00' WHERE id <= 2")
		f.exec("UPDATE event_deliveries SET state = 'delivered', due_at = NULL WHERE event_id = 2")
		f.exec("UPDATE event_queue SET status = 'processed', event_name = 'order.paid' WHERE id = 3")
		f.exec("UPDATE event_queue SET payload = ?, create_datetime = '2037-01-01 00:00:00' WHERE id = 4", strings.Repeat("x", 65535))
		s, err := f.Suspicious(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if s.Stuck != 1 || s.StuckIDs[0] != 2 || s.Cut != 1 || s.CutIDs[0] != 4 || s.Ahead.Hours() < 24 {
			t.Errorf("suspicious = %+v, want 2 stuck, 4 cut and in the future", s)
		}
		if s.Reused != 0 {
			t.Errorf("%v have ids that were used before, want none", s.ReusedIDs)
		}
		f.exec("UPDATE event_deliveries SET created_at = '2020-01-01 00:00:00' WHERE event_id = 1")
		if s, err := f.Suspicious(t.Context()); err != nil || s.Reused != 1 || s.ReusedIDs[0] != 1 {
			t.Errorf("suspicious = %+v, %v, want 1 with an id that was used before", s, err)
		}
		if diff := cmp.Diff(map[string]int{"order.paid": 1}, s.Foreign); diff != "" {
			t.Errorf("foreign: %s", diff)
		}
	})
}

func TestRights(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		for _, r := range f.Rights(t.Context()) {
			if r.Err != nil {
				t.Errorf("%s: %v", r.What, r.Err)
			}
		}
		f.exec("DROP TABLE event_keys")
		missing := 0
		for _, r := range f.Rights(t.Context()) {
			if r.Err != nil {
				missing++
			}
		}
		if missing != 4 {
			t.Errorf("%d rights are missing, want the four on event_keys", missing)
		}
	})
}
