package queue_test

import (
	"sync"
	"testing"

	"github.com/earshot-host/earshot/host/internal/queue"
)

func TestAKeyIsInsertedOnce(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		var wg sync.WaitGroup
		results := make([]queue.Inserted, 6)
		for i := range results {
			wg.Go(func() {
				out, err := f.Insert(t.Context(), []queue.New{{Name: "order.paid", Payload: []byte(`{}`), Key: "order-7"}})
				if err != nil {
					t.Error(err)
					return
				}
				results[i] = out[0]
			})
		}
		wg.Wait()
		fresh := 0
		for _, r := range results {
			if !r.Duplicate {
				fresh++
			}
			if r.ID != results[0].ID {
				t.Errorf("ids differ: %+v", results)
			}
		}
		if fresh != 1 {
			t.Errorf("inserted %d times, want once: %+v", fresh, results)
		}
		f.want("1", "SELECT COUNT(*) FROM event_queue")
	})
}

func TestInsertIsAllOrNone(t *testing.T) {
	onEach(t, func(t *testing.T, f fixture) {
		f.exec("INSERT INTO event_queue (id, event_name, payload) VALUES (9223372036854775807, 'last', '{}')")
		_, err := f.Insert(t.Context(), []queue.New{{Name: "a", Payload: []byte(`{}`), Key: "k"}, {Name: "b", Payload: []byte(`{}`)}})
		if err == nil {
			t.Fatal("no error, though there is no id left")
		}
		f.want("1", "SELECT COUNT(*) FROM event_queue")
		f.want("0", "SELECT COUNT(*) FROM event_keys")
	})
}
