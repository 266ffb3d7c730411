package queue_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/migrate"
	"github.com/earshot-host/earshot/host/internal/queue"
	"github.com/earshot-host/earshot/host/internal/testdb"
)

// BenchmarkDrain is what the queue alone costs: claim a batch of events for
// two listeners, record all of it as delivered. An op is an event.
func BenchmarkDrain(b *testing.B) {
	for _, driver := range []string{"mysql", "sqlite"} {
		for _, batch := range []int{10, 100, 400} {
			b.Run(fmt.Sprintf("%s/batch=%d", driver, batch), func(b *testing.B) {
				db := testdb.SQLite(b)
				if driver == "mysql" {
					db = testdb.MySQL(b)
				}
				s, err := queue.Open(b.Context(), queue.Options{Driver: db.Driver, DSN: db.DSN})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				m, err := migrate.New(s.SQL(), db.Driver, false)
				if err == nil {
					_, err = m.Up(b.Context())
				}
				if err != nil {
					b.Fatal(err)
				}
				payload := `{"notes":"` + strings.Repeat("x", 3000) + `"}`
				for left := b.N; left > 0; left -= 200 {
					stmt := "INSERT INTO event_queue (event_name, payload) VALUES " + strings.TrimSuffix(strings.Repeat("('order.paid', '"+payload+"'),", min(left, 200)), ",")
					if _, err := s.SQL().Exec(stmt); err != nil {
						b.Fatal(err)
					}
				}
				plan := each(to("email", "log"))
				b.ReportAllocs()
				b.ResetTimer()
				done := 0
				for done < b.N {
					c, err := s.Claim(b.Context(), batch, false, plan)
					if err != nil {
						b.Fatal(err)
					}
					group := make([]event.Settled, len(c.Deliveries))
					for i, d := range c.Deliveries {
						group[i] = delivered(d)
					}
					if _, err := s.Record(b.Context(), group); err != nil {
						b.Fatal(err)
					}
					done += c.Events
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}
