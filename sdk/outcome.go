package sdk

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/durationpb"

	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// maxText bounds a message or an id on its way to the host, in bytes.
const maxText = 1 << 10

// outcomeOf is the answer for ev when its handler returned err. What is looked
// for first wins where several errors are joined: the one that keeps most hope.
func outcomeOf(ctx context.Context, ev *Event, err error) *listenerv1.Outcome {
	o := &listenerv1.Outcome{Code: listenerv1.Outcome_CODE_DELIVERED}
	var (
		unavailable *unavailableError
		retry       *retryError
		permanent   *permanentError
		skip        *skipError
	)
	switch {
	case err == nil:
	case errors.As(err, &unavailable):
		o.Code, o.RetryAfter = listenerv1.Outcome_CODE_UNAVAILABLE, after(unavailable.after)
	case errors.As(err, &retry):
		o.Code, o.RetryAfter = listenerv1.Outcome_CODE_RETRY, after(retry.after)
	case ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)):
		// Whatever the listener made of it: time that ran out says nothing about the event.
		o.Code = listenerv1.Outcome_CODE_RETRY
	case errors.As(err, &permanent):
		o.Code = listenerv1.Outcome_CODE_REJECTED
	case errors.As(err, &skip):
		o.Code = listenerv1.Outcome_CODE_SKIPPED
	default:
		o.Code = listenerv1.Outcome_CODE_RETRY
	}
	switch {
	case err == nil:
	case o.Code == listenerv1.Outcome_CODE_SKIPPED:
		o.Message = clip(skip.reason)
	default:
		o.Message = clip(err.Error())
	}
	ev.mu.Lock()
	defer ev.mu.Unlock()
	o.ExternalId = clip(ev.externalID)
	for _, r := range ev.added {
		o.Receipts = append(o.Receipts, receiptOf(r))
	}
	return o
}

// receiptOf leaves a key as it is, so that it comes back the same; only one
// that is no text cannot cross the wire at all.
func receiptOf(r Receipt) *listenerv1.Receipt {
	return &listenerv1.Receipt{Key: strings.ToValidUTF8(r.Key, "\uFFFD"), ExternalId: clip(r.ExternalID)}
}

func after(d time.Duration) *durationpb.Duration {
	if d <= 0 {
		return nil
	}
	return durationpb.New(d)
}

// clip makes s fit for the wire: valid UTF-8 of at most maxText bytes.
func clip(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxText {
		return s
	}
	const dots = "…"
	cut := maxText - len(dots)
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + dots
}

// diagnostics lists every fault in err, each with the key that it is about.
func diagnostics(err error) []*listenerv1.Diagnostic {
	var list []*listenerv1.Diagnostic
	for _, fault := range faults(err) {
		d := &listenerv1.Diagnostic{Severity: listenerv1.Diagnostic_SEVERITY_ERROR, Summary: clip(fault.Error())}
		var at *ConfigError
		if errors.As(fault, &at) {
			d.Path, d.Summary = at.Path, clip(at.Err.Error())
		}
		list = append(list, d)
	}
	return list
}

// faults takes joined errors apart.
func faults(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var list []error
	for _, e := range joined.Unwrap() {
		list = append(list, faults(e)...)
	}
	return list
}
