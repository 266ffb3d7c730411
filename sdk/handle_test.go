package sdk_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-host/earshot/sdk"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
	"github.com/earshot-host/earshot/sdk/sdktest"
)

func TestOutcomes(t *testing.T) {
	h := sdktest.Start(t, newPuppet())
	tests := []struct {
		event string
		want  sdktest.Answer
	}{
		{"greet", sdktest.Answer{Outcome: sdktest.Delivered, ExternalID: "hello"}},
		{"retry", sdktest.Answer{Outcome: sdktest.Retry, Message: "boom"}},
		{"later", sdktest.Answer{Outcome: sdktest.Retry, Message: "boom", RetryAfter: time.Minute}},
		{"permanent", sdktest.Answer{Outcome: sdktest.Rejected, Message: "send: boom"}},
		{"skip", sdktest.Answer{Outcome: sdktest.Skipped, Message: "nobody to tell"}},
		{"unavailable", sdktest.Answer{Outcome: sdktest.Unavailable, Message: "boom", RetryAfter: time.Hour}},
		{"mixed", sdktest.Answer{Outcome: sdktest.Retry, Message: "boom\nbusy"}},
		{"panic", sdktest.Answer{Outcome: sdktest.Retry, Message: "the listener panicked: boom"}},
	}
	for _, tt := range tests {
		t.Run(tt.event, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, h.Deliver(&sdk.Event{Name: tt.event})); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMessageIsClipped(t *testing.T) {
	a := sdktest.Start(t, newPuppet()).Deliver(&sdk.Event{Name: "long"})
	if len(a.Message) > 1024 || !utf8.ValidString(a.Message) || !strings.HasSuffix(a.Message, "…") {
		t.Errorf("message of %d bytes, valid %t, want at most 1024 bytes of text", len(a.Message), utf8.ValidString(a.Message))
	}
}

func TestReceiptsComeBack(t *testing.T) {
	h := sdktest.Start(t, newPuppet())
	want := []sdktest.Answer{
		{Outcome: sdktest.Retry, Message: "one at a time", Receipts: []sdk.Receipt{{Key: "customer:7", ExternalID: "id-customer:7"}}},
		{Outcome: sdktest.Retry, Message: "one at a time", Receipts: []sdk.Receipt{{Key: "provider:2", ExternalID: "id-provider:2"}}},
		{Outcome: sdktest.Delivered},
	}
	for i, w := range want {
		if diff := cmp.Diff(w, h.Deliver(&sdk.Event{Name: "people"})); diff != "" {
			t.Errorf("attempt %d (-want +got):\n%s", i+1, diff)
		}
	}
}

// A receipt is known to the host while its handler still runs, since the
// process may not live to answer.
func TestReceiptsAreStreamed(t *testing.T) {
	p := newPuppet()
	h := sdktest.Start(t, p)
	stream, err := h.Client.Receipts(t.Context(), &listenerv1.ReceiptsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Header(); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { h.Deliver(&sdk.Event{ID: 12, Name: "stubborn"}) })
	res, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"ev12.test", "customer:7", "id-7"}
	if diff := cmp.Diff(want, []string{res.GetIdempotencyKey(), res.GetReceipt().GetKey(), res.GetReceipt().GetExternalId()}); diff != "" {
		t.Errorf("streamed (-want +got):\n%s", diff)
	}
	close(p.release)
	wg.Wait()
}

// What a handler has sent by its deadline must be known, whether it heeds the
// end of its context or not, and whatever it makes of it.
func TestDeadlineKeepsReceipts(t *testing.T) {
	for _, event := range []string{"slow", "stubborn"} {
		t.Run(event, func(t *testing.T) {
			p := newPuppet()
			h := sdktest.Start(t, p)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			a, err := h.DeliverContext(ctx, &sdk.Event{Name: event})
			if err != nil {
				t.Fatal(err)
			}
			if a.Outcome != sdktest.Retry && event == "stubborn" || len(a.Receipts) != 1 {
				t.Errorf("answer %s, want one receipt", a)
			}
			close(p.release)
		})
	}
}

func TestDeadlineIsARetryEvenIfCalledPermanent(t *testing.T) {
	h := sdktest.Start(t, newPuppet())
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	a, err := h.DeliverContext(ctx, &sdk.Event{Name: "slow-error"})
	if err != nil || a.Outcome != sdktest.Retry {
		t.Errorf("answer %s, %v, want a retry", a, err)
	}
}

func TestCancelReachesTheHandler(t *testing.T) {
	p := newPuppet()
	h := sdktest.Start(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-p.seen; cancel() }()
	if _, err := h.DeliverContext(ctx, &sdk.Event{Name: "slow"}); status.Code(err) != codes.Canceled {
		t.Errorf("DeliverContext = %v, want Canceled", err)
	}
	// Stop waits for the handler; it returns only if the handler was cancelled.
	if n := h.Stop(sdktest.Timeout); n != 0 {
		t.Errorf("%d handlers still run", n)
	}
}

func TestStop(t *testing.T) {
	p := newPuppet()
	h := sdktest.Start(t, p)
	answers := make(chan sdktest.Answer, 1)
	go func() {
		a, err := h.DeliverContext(t.Context(), &sdk.Event{Name: "slow"})
		if err != nil {
			t.Error(err)
		}
		answers <- a
	}()
	<-p.seen
	if n := h.Stop(10 * time.Millisecond); n != 1 {
		t.Errorf("Stop = %d unfinished, want 1", n)
	}
	if a := <-answers; len(a.Receipts) != 1 {
		t.Errorf("answer %s, want the receipt of the delivery that was cut off", a)
	}
	<-p.closed
	if _, err := h.DeliverContext(t.Context(), &sdk.Event{Name: "greet"}); status.Code(err) != codes.Unavailable {
		t.Errorf("after Stop: %v, want Unavailable", err)
	}
}

func TestStopWaits(t *testing.T) {
	p := newPuppet()
	h := sdktest.Start(t, p)
	var wg sync.WaitGroup
	wg.Go(func() {
		if a := h.Deliver(&sdk.Event{Name: "stubborn"}); a.Outcome != sdktest.Delivered {
			t.Error(a)
		}
	})
	<-p.seen
	wg.Go(func() {
		// Long enough to hang if Stop did not notice that the last one ended.
		if n := h.Stop(time.Hour); n != 0 {
			t.Errorf("Stop = %d unfinished, want 0", n)
		}
	})
	for { // a refusal tells that Stop has begun
		if _, err := h.DeliverContext(t.Context(), &sdk.Event{ID: 2, Name: "greet"}); err != nil {
			break
		}
	}
	close(p.release)
	wg.Wait()
}

func TestEveryFieldCrossesTheWire(t *testing.T) {
	p := newPuppet()
	h := sdktest.Start(t, p)
	at := time.Date(2026, 1, 27, 14, 15, 0, 123456000, time.UTC)
	res, err := h.Client.Handle(t.Context(), &listenerv1.HandleRequest{Delivery: &listenerv1.Delivery{
		IdempotencyKey: "ev12.email", EventId: 12, EventName: "appointment.saved", Payload: []byte(`{"id":1}`),
		OccurredAt: timestamppb.New(at), Attempt: 2, MaxAttempts: 5, Redelivered: true, DryRun: true,
		Receipts: []*listenerv1.Receipt{{Key: "customer:7", ExternalId: "x"}}, Trace: map[string]string{"traceparent": "00-1"},
	}})
	if err != nil || res.GetOutcome().GetCode() != listenerv1.Outcome_CODE_DELIVERED {
		t.Fatalf("Handle = %v, %v", res, err)
	}
	got := <-p.seen
	type fields struct {
		ID                  int64
		Name, Payload, Key  string
		At                  time.Time
		Attempt, Max        int
		Redelivered, DryRun bool
		Trace               map[string]string
		Done, NotDone       bool
	}
	want := fields{12, "appointment.saved", `{"id":1}`, "ev12.email", at, 2, 5, true, true, map[string]string{"traceparent": "00-1"}, true, false}
	if diff := cmp.Diff(want, fields{got.ID, got.Name, string(got.Payload), got.IdempotencyKey, got.OccurredAt, got.Attempt, got.MaxAttempts,
		got.Redelivered, got.DryRun, got.Trace, got.Done("customer:7"), got.Done("provider:2")}); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

func TestLogger(t *testing.T) {
	h := sdktest.Start(t, newPuppet())
	h.Deliver(&sdk.Event{ID: 12, Name: "print", Attempt: 3})
	h.Deliver(&sdk.Event{ID: 13, Name: "panic"})
	lines := h.Logs()
	if len(lines) != 2 {
		t.Fatalf("%d lines, want 2: %v", len(lines), lines)
	}
	want := sdktest.Line{Level: "warn", Message: "a line", Fields: map[string]any{
		"listener": "test", "event_id": 12.0, "attempt": 3.0, "msg": 5.0, "level": 7.0, "took": "1s",
	}}
	if diff := cmp.Diff(want, lines[0]); diff != "" {
		t.Errorf("line (-want +got):\n%s", diff)
	}
	if stack, _ := lines[1].Fields["stack"].(string); lines[1].Level != "error" || !strings.Contains(stack, "puppet") {
		t.Errorf("panic was logged as %v, want its stack at error", lines[1])
	}
}

func TestReceiptsAreListed(t *testing.T) {
	ev := &sdk.Event{}
	for _, key := range []string{"provider:2", "customer:7", "provider:2"} {
		ev.Receipt(key, "id-"+key)
	}
	want := []sdk.Receipt{{Key: "customer:7", ExternalID: "id-customer:7"}, {Key: "provider:2", ExternalID: "id-provider:2"}}
	if diff := cmp.Diff(want, ev.Receipts()); diff != "" {
		t.Errorf("receipts (-want +got):\n%s", diff)
	}
}
