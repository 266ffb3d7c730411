package deliver_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-host/earshot/host/internal/deliver"
	"github.com/earshot-host/earshot/host/internal/event"
	"github.com/earshot-host/earshot/host/internal/registry"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// caller is the far side of the wire as a function.
type caller func(ctx context.Context, d *listenerv1.Delivery) (*listenerv1.Outcome, error)

func (c caller) Call(ctx context.Context, _ string, d *listenerv1.Delivery) (*listenerv1.Outcome, error) {
	return c(ctx, d)
}

func (c caller) CallBatch(ctx context.Context, _ string, ds []*listenerv1.Delivery, answer func(string, *listenerv1.Outcome)) (map[string][]*listenerv1.Receipt, error) {
	for _, d := range ds {
		o, err := c(ctx, d)
		if err != nil {
			return map[string][]*listenerv1.Receipt{d.GetIdempotencyKey(): {{Key: "customer"}}}, err
		}
		if o != nil {
			answer(d.GetIdempotencyKey(), o)
		}
	}
	return nil, nil
}

func (c caller) Batches(string) bool { return true }

func listener() *registry.Listener {
	return &registry.Listener{Name: "email", Timeout: 30 * time.Second, Retry: event.Policy{MaxAttempts: 5}}
}

func TestEveryFieldCrossesTheWire(t *testing.T) {
	at := time.Date(2026, 1, 27, 14, 15, 0, 0, time.UTC)
	d := event.Delivery{
		ID: 9, Listener: "email", Attempts: 1, Redelivered: true, Receipts: []event.Receipt{{Key: "customer", ExternalID: "m1"}},
		Event: event.Event{ID: 7, Name: "appointment.saved", Payload: []byte(`{"n":1}`), OccurredAt: at},
	}
	var got *listenerv1.Delivery
	o := deliver.Deliverer{Caller: caller(func(_ context.Context, d *listenerv1.Delivery) (*listenerv1.Outcome, error) {
		got = d
		return &listenerv1.Outcome{
			Code: listenerv1.Outcome_CODE_RETRY, Message: "busy", RetryAfter: durationpb.New(time.Minute), ExternalId: "x1",
			Receipts: []*listenerv1.Receipt{{Key: "provider", ExternalId: "m2"}},
		}, nil
	})}.Deliver(t.Context(), listener(), d)
	want := &listenerv1.Delivery{
		IdempotencyKey: "ev7.email", EventId: 7, EventName: "appointment.saved", Payload: []byte(`{"n":1}`),
		OccurredAt: timestamppb.New(at), Attempt: 2, MaxAttempts: 5, Redelivered: true,
		Receipts: []*listenerv1.Receipt{{Key: "customer", ExternalId: "m1"}},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	wantOutcome := event.Outcome{
		Code: event.Retry, Reason: "busy", RetryAfter: time.Minute, ExternalID: "x1", Receipts: []event.Receipt{{Key: "provider", ExternalID: "m2"}},
	}
	if diff := cmp.Diff(wantOutcome, o); diff != "" {
		t.Error(diff)
	}
}

func TestAnswers(t *testing.T) {
	tests := []struct {
		name   string
		code   listenerv1.Outcome_Code
		want   event.Code
		reason string
	}{
		{"delivered", listenerv1.Outcome_CODE_DELIVERED, event.Delivered, ""},
		{"skipped", listenerv1.Outcome_CODE_SKIPPED, event.Skipped, "gave no reason"},
		{"retry", listenerv1.Outcome_CODE_RETRY, event.Retry, "gave no reason"},
		{"rejected", listenerv1.Outcome_CODE_REJECTED, event.Rejected, "gave no reason"},
		{"unavailable", listenerv1.Outcome_CODE_UNAVAILABLE, event.Unavailable, "gave no reason"},
		{"no code", listenerv1.Outcome_CODE_UNSPECIFIED, event.Retry, "code 0"},
		{"a code of a newer protocol", 99, event.Retry, "code 99"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := deliver.Deliverer{Caller: caller(func(context.Context, *listenerv1.Delivery) (*listenerv1.Outcome, error) {
				return &listenerv1.Outcome{Code: tt.code}, nil
			})}.Deliver(t.Context(), listener(), event.Delivery{Event: event.Event{Name: "e", Payload: []byte("{}")}})
			if o.Code != tt.want || !strings.Contains(o.Reason, tt.reason) || tt.reason == "" && o.Reason != "" {
				t.Errorf("outcome = %+v, want %s with %q", o, tt.want, tt.reason)
			}
		})
	}
}

type fault struct {
	retryIn time.Duration
	exited  bool
	large   bool
}

func (fault) Error() string    { return "no answer" }
func (f fault) Exited() bool   { return f.exited }
func (f fault) TooLarge() bool { return f.large }

type unavailable struct{ fault }

func (u unavailable) RetryIn() time.Duration { return u.retryIn }

func TestNoAnswer(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want event.Outcome
	}{
		{"wire broke", errors.New("no answer"), event.Outcome{Code: event.Unknown, Reason: "no answer"}},
		{"process ended", fault{exited: true}, event.Outcome{Code: event.Lost, Reason: "no answer"}},
		{"process lives", fault{}, event.Outcome{Code: event.Unknown, Reason: "no answer"}},
		{"too large for the wire", fault{large: true}, event.Outcome{Code: event.Rejected, Reason: "no answer"}},
		{"cannot be started", unavailable{fault{retryIn: time.Minute}}, event.Outcome{Code: event.Unavailable, Reason: "no answer", RetryAfter: time.Minute}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.Receipts = []event.Receipt{{Key: "customer"}}
			o := deliver.Deliverer{Caller: caller(func(context.Context, *listenerv1.Delivery) (*listenerv1.Outcome, error) {
				return &listenerv1.Outcome{Receipts: []*listenerv1.Receipt{{Key: "customer"}}}, tt.err
			})}.Deliver(t.Context(), listener(), event.Delivery{Event: event.Event{Name: "e", Payload: []byte("{}")}})
			if diff := cmp.Diff(tt.want, o); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		o := deliver.Deliverer{Caller: caller(func(ctx context.Context, _ *listenerv1.Delivery) (*listenerv1.Outcome, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})}.Deliver(t.Context(), listener(), event.Delivery{Event: event.Event{Name: "e", Payload: []byte("{}")}})
		if took := time.Since(start); took != 30*time.Second {
			t.Errorf("the deadline came after %s, want the listener's 30s", took)
		}
		if want := (event.Outcome{Code: event.Unknown, Reason: "no answer in 30s"}); cmp.Diff(want, o) != "" {
			t.Errorf("outcome = %+v, want %+v", o, want)
		}
	})
}

func TestARowThatIsGoneIsRejectedWithoutACall(t *testing.T) {
	o := deliver.Deliverer{Caller: caller(func(context.Context, *listenerv1.Delivery) (*listenerv1.Outcome, error) {
		t.Error("called")
		return nil, nil
	})}.Deliver(t.Context(), listener(), event.Delivery{})
	if o.Code != event.Rejected || !strings.Contains(o.Reason, "row was deleted") {
		t.Errorf("outcome = %+v", o)
	}
}

func TestBatchAnswersEachItem(t *testing.T) {
	ds := make([]event.Delivery, 4)
	for i := range ds {
		ds[i] = event.Delivery{Listener: "email", Event: event.Event{ID: int64(i), Name: "e", Payload: []byte("{}")}}
	}
	ds[1].Event.Name = "" // its row is gone
	got := deliver.Deliverer{Caller: caller(func(_ context.Context, d *listenerv1.Delivery) (*listenerv1.Outcome, error) {
		switch d.GetEventId() {
		case 2:
			return nil, nil // passed over
		case 3:
			return &listenerv1.Outcome{}, fault{exited: true}
		}
		return &listenerv1.Outcome{Code: listenerv1.Outcome_CODE_DELIVERED}, nil
	})}.DeliverBatch(t.Context(), listener(), ds)
	// The process ended in the third: what was not answered went down with it.
	want := []event.Code{event.Delivered, event.Rejected, event.Lost, event.Lost}
	for i, o := range got {
		if o.Code != want[i] {
			t.Errorf("delivery %d: %s (%s), want %s", i, o.Code, o.Reason, want[i])
		}
	}
	if len(got[3].Receipts) != 1 {
		t.Error("what was reported before the end is forgotten")
	}
	got = deliver.Deliverer{Caller: caller(func(context.Context, *listenerv1.Delivery) (*listenerv1.Outcome, error) { return nil, nil })}.
		DeliverBatch(t.Context(), listener(), ds[:1])
	if got[0].Code != event.Unknown {
		t.Errorf("an item without an answer is %s, want unknown", got[0].Code)
	}
}
