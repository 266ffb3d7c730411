package queue_test

import (
	"testing"

	"github.com/earshot-host/earshot/host/internal/testdb"
)

// Another session that holds one row keeps nobody from claiming the others.
func TestClaimSkipsWhatOthersHold(t *testing.T) {
	db := testdb.MySQL(t)
	f := newFixture(t, db)
	f.insert(3)
	tx, err := f.app.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec("SELECT id FROM event_queue WHERE id = 1 FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	if ds := f.claim(f.Store, 3, to("log")); len(ds) != 2 || ds[0].Event.ID != 2 {
		t.Errorf("claimed %+v, want events 2 and 3", ds)
	}
}
