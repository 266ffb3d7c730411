package supervisor

import (
	"context"
	"fmt"
	"sync"
	"testing"
)

// BenchmarkStart is the time from nothing to the first answer, and to the end.
func BenchmarkStart(b *testing.B) {
	s, _ := supervise(b, quick(b), playing("email", "puppet"))
	for b.Loop() {
		ask(b, s, "email", "pid")
		b.StopTimer()
		s.Reload(nil)
		s.Reload([]Spec{playing("email", "puppet")})
		b.StartTimer()
	}
}

func BenchmarkProbe(b *testing.B) {
	opt := quick(b)
	path := wrapper(b, "puppet")
	for b.Loop() {
		if _, err := Probe(context.Background(), opt, path); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCall(b *testing.B) {
	for _, n := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("in_flight=%d", n), func(b *testing.B) {
			s, _ := supervise(b, quick(b), playing("email", "puppet"))
			d := order("size")
			d.Payload = make([]byte, 4<<10)
			ask(b, s, "email", "pid")
			work := make(chan struct{})
			var wg sync.WaitGroup
			for range n {
				wg.Go(func() {
					for range work {
						if _, err := s.Call(context.Background(), "email", d); err != nil {
							b.Error(err)
						}
					}
				})
			}
			for b.Loop() {
				work <- struct{}{}
			}
			close(work)
			wg.Wait()
		})
	}
}
