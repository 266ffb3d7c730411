package queue_test

import (
	"testing"
	"time"

	"github.com/earshot-host/earshot/host/internal/queue"
)

// TestTimesAreUTC writes in a zone of the application's own, as PHP does.
func TestTimesAreUTC(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		if f.db.Driver == "mysql" {
			// The session of a host in a zone that is not UTC.
			f.db.DSN += "?time_zone=%27-03%3A00%27"
			f.Store = f.host("host-a", "")
		}
		id, err := f.Enqueue(t.Context(), "later", []byte(`{}`), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := f.List(t.Context(), queue.Filter{})
		if err != nil || len(rows) != 1 || rows[0].ID != id {
			t.Fatalf("List = %+v, %v", rows, err)
		}
		r := rows[0]
		if age := time.Since(*r.Created); age < -time.Minute || age > time.Minute {
			t.Errorf("created %s, %s ago", r.Created, age)
		}
		if in := time.Until(*r.Scheduled); in < 58*time.Minute || in > 62*time.Minute {
			t.Errorf("scheduled in %s, want an hour", in)
		}
		if r.Processed != nil {
			t.Errorf("processed %s, want never", r.Processed)
		}
	})
}
