package supervisor

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// Whom a handler has told counts, even if its call never answers.
func TestReceiptsOutliveTheCall(t *testing.T) {
	s, _ := supervise(t, quick(t), playing("email", "puppet"), playing("batch", "batch"))
	told := func(what string, list []*listenerv1.Receipt) {
		t.Helper()
		if len(list) != 1 || list[0].GetKey() != "customer" || list[0].GetExternalId() != "m1" {
			t.Errorf("%s: receipts %v, want the customer's", what, list)
		}
	}
	persist(t, s, "email", "pid")
	o, err := s.Call(t.Context(), "email", order("tellexit", ""))
	exitedText(t, err)
	told("a process that ended", o.GetReceipts())

	persist(t, s, "email", "pid")
	ctx, giveUp := context.WithCancel(t.Context())
	began := filepath.Join(t.TempDir(), "began")
	go func() {
		awaitFile(t, began)
		giveUp()
	}()
	o, err = s.Call(ctx, "email", order("telldeaf", began))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a handler that hangs: %v", err)
	}
	told("a handler that hangs", o.GetReceipts())

	persist(t, s, "batch", "pid")
	d := order("tellexit", "")
	d.IdempotencyKey = "a"
	reported, err := s.CallBatch(t.Context(), "batch", []*listenerv1.Delivery{d}, func(string, *listenerv1.Outcome) { t.Error("answered") })
	exitedText(t, err)
	told("a batch", reported["a"])

	l, _ := s.listener("email")
	if l.current != nil && len(l.current.receipts.open) > 0 {
		t.Errorf("receipts of calls that have ended are kept: %v", l.current.receipts.open)
	}
}
