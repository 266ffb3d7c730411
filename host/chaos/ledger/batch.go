package ledger

import (
	"context"
	"sync"

	"github.com/earshot-host/earshot/sdk"
)

// Batch is a Listener that takes several events in one call.
type Batch struct{ Listener }

var _ sdk.BatchListener = (*Batch)(nil)

// HandleBatch implements sdk.BatchListener.
func (b *Batch) HandleBatch(ctx context.Context, evs []*sdk.Event) []error {
	errs := make([]error, len(evs))
	var all sync.WaitGroup
	for i, ev := range evs {
		all.Go(func() { errs[i] = b.Handle(ctx, ev) })
	}
	all.Wait()
	return errs
}
