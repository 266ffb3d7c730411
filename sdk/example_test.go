package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/earshot-host/earshot/sdk"
)

// The smallest listener is a function.
func ExampleServe() {
	main := func() {
		sdk.Serve(sdk.ListenerFunc(func(ctx context.Context, ev *sdk.Event) error {
			sdk.Logger(ctx).Info("heard", "event", ev.Name)
			return nil
		}), sdk.Name("hello"), sdk.Summary("says what it hears"))
	}
	_ = main
	// Output:
}

func ExampleConfig_Decode() {
	var c struct {
		Port    int          `json:"port"`
		Token   sdk.Secret   `json:"token"`
		Timeout sdk.Duration `json:"timeout"`
	}
	cfg := sdk.Config{JSON: []byte(`{"prot": 587, "token": "t0p", "timeout": 30}`)}
	fmt.Println(cfg.Decode(&c))
	// Output:
	// prot: is unknown: did you mean port?
	// timeout: must be text, not a number
}

func ExampleAt() {
	err := errors.Join(
		sdk.At("smtp.host", errors.New("is missing")),
		sdk.At("from", errors.New("is not an address")),
	)
	fmt.Println(err)
	// Output:
	// smtp.host: is missing
	// from: is not an address
}

func ExampleSecret() {
	token := sdk.NewSecret("t0p")
	fmt.Println(token, len(token.Reveal()))
	// Output: [secret] 3
}

func ExampleDuration() {
	var d sdk.Duration
	if err := d.UnmarshalText([]byte("1d12h")); err != nil {
		fmt.Println(err)
	}
	fmt.Println(d.Std())
	// Output: 36h0m0s
}

// An event that tells several people gives each a receipt, so that a second
// attempt leaves out those who know.
func ExampleEvent_Receipt() {
	send := func(to string) error {
		if to == "provider:2" {
			return errors.New("mailbox is busy")
		}
		return nil
	}
	handle := func(_ context.Context, ev *sdk.Event) error {
		var faults []error
		for _, to := range []string{"customer:7", "provider:2"} {
			if ev.Done(to) {
				continue
			}
			if err := send(to); err != nil {
				faults = append(faults, err)
				continue
			}
			ev.Receipt(to, "")
		}
		return errors.Join(faults...)
	}
	ev := &sdk.Event{Name: "appointment.saved"}
	fmt.Println(handle(context.TODO(), ev), ev.Done("customer:7"), ev.Done("provider:2"))
	// Output: mailbox is busy true false
}

// A payload that cannot be read is never tried again.
func ExampleEvent_Decode() {
	ev := &sdk.Event{Name: "appointment.saved", Payload: []byte(`{"id": `)}
	var p struct{ ID int }
	err := ev.Decode(&p)
	fmt.Println(sdk.IsPermanent(err), err)
	// Output: true decode payload of appointment.saved: unexpected end of JSON input
}

// What went wrong decides what the host does next.
func Example_outcomes() {
	refused := errors.New("the server refused")
	for _, err := range []error{
		nil,                                   // delivered
		sdk.Skip("the customer has no phone"), // nothing to do
		refused,                               // again after the host's backoff
		sdk.RetryAfter(refused, time.Minute),  // again after a minute
		sdk.Permanent(refused),                // never again
		sdk.Unavailable(refused, time.Hour),   // nothing at all for an hour
	} {
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// skipped: the customer has no phone
	// the server refused
	// the server refused
	// the server refused
	// the server refused
}
