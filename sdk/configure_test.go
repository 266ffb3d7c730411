package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/earshot-host/earshot/sdk"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
	"github.com/earshot-host/earshot/sdk/sdktest"
)

func TestValidateReportsAllAndDisturbsNothing(t *testing.T) {
	h := sdktest.Start(t, newPuppet(), sdktest.Config(`{"greeting": "good morning"}`))
	want := []sdktest.Fault{
		{Path: "greting", Message: "is unknown: did you mean greeting?"},
		{Path: "limits.max", Message: "must be a whole number, not text"},
	}
	if diff := cmp.Diff(want, h.Validate(`{"greting": "x", "limits": {"max": "many"}}`)); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	if faults := h.Validate(`{"greeting": "another"}`); faults != nil {
		t.Errorf("faults of a good block: %v", faults)
	}
	if a := h.Deliver(&sdk.Event{Name: "greet"}); a.ExternalID != "good morning" {
		t.Errorf("the listener now greets with %q", a.ExternalID)
	}
}

func TestConfigureOnce(t *testing.T) {
	h := sdktest.Start(t, newPuppet())
	if _, err := h.Client.Configure(t.Context(), &listenerv1.ConfigureRequest{}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("second Configure = %v, want FailedPrecondition", err)
	}
}

func TestNoCallBeforeConfigure(t *testing.T) {
	s := sdk.NewService(t.Context(), newPuppet())
	if _, err := s.Handle(t.Context(), &listenerv1.HandleRequest{}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("Handle = %v, want FailedPrecondition", err)
	}
	if _, err := s.CheckHealth(t.Context(), nil); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("CheckHealth = %v, want FailedPrecondition", err)
	}
}

func TestFunctionTakesNoConfiguration(t *testing.T) {
	l := sdk.ListenerFunc(func(context.Context, *sdk.Event) error { return nil })
	h := sdktest.Start(t, l)
	want := []sdktest.Fault{{Message: "this listener takes no configuration: remove its config block"}}
	if diff := cmp.Diff(want, h.Validate(`{"a": 1}`)); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestCheck(t *testing.T) {
	if err := sdktest.Start(t, newPuppet()).Check(); err != nil {
		t.Error(err)
	}
	err := sdktest.Start(t, newPuppet(), sdktest.Config(`{"greeting": "sick"}`)).Check()
	if err == nil || err.Error() != "the provider is down" {
		t.Errorf("Check = %v, want what is wrong", err)
	}
}

// batcher answers fewer events than it was given.
type batcher struct{ sdk.ListenerFunc }

func (batcher) HandleBatch(_ context.Context, evs []*sdk.Event) []error {
	evs[0].Receipt("customer:7", "")
	return []error{nil, sdk.Permanent(errors.New("boom"))}
}

func TestBatch(t *testing.T) {
	h := sdktest.Start(t, batcher{})
	stream, err := h.Client.HandleBatch(t.Context(), &listenerv1.HandleBatchRequest{Deliveries: []*listenerv1.Delivery{
		{IdempotencyKey: "a"}, {IdempotencyKey: "b"}, {IdempotencyKey: "c"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for range 3 {
		res, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		got[res.GetIdempotencyKey()] = res.GetOutcome().GetCode().String() + " " + res.GetOutcome().GetMessage()
		if n := len(res.GetOutcome().GetReceipts()); (n == 1) != (res.GetIdempotencyKey() == "a") {
			t.Errorf("%s has %d receipts", res.GetIdempotencyKey(), n)
		}
	}
	want := map[string]string{"a": "CODE_DELIVERED ", "b": "CODE_REJECTED boom", "c": "CODE_RETRY the listener answered 2 of 3 events"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

func TestDescribe(t *testing.T) {
	h := sdktest.Start(t, newPuppet(), sdktest.With(sdk.Name("puppet"), sdk.Version("1.2.3"), sdk.Summary("does things")))
	res, err := h.Client.Describe(t.Context(), &listenerv1.DescribeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"check", "configure", "receipts"}, res.GetCapabilities()); diff != "" {
		t.Errorf("capabilities (-want +got):\n%s", diff)
	}
	if got := [3]string{res.GetName(), res.GetVersion(), res.GetSummary()}; got != [3]string{"puppet", "1.2.3", "does things"} {
		t.Errorf("described as %q", got)
	}
	var got, want any
	const schema = `{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false, "required": ["greeting"],
		"properties": {
			"greeting": {"type": "string"},
			"token": {"type": "string", "writeOnly": true},
			"every": {"type": "string", "pattern": "^([0-9]+w)?([0-9]+d)?([0-9.]+(ns|us|µs|ms|s|m|h))*$", "examples": ["30s", "5m", "7d"]},
			"limits": {"type": "object", "additionalProperties": false, "properties": {"max": {"type": "integer"}}}
		}
	}`
	if err := json.Unmarshal([]byte(schema), &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(res.GetConfigSchema(), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("schema (-want +got):\n%s", diff)
	}
}
