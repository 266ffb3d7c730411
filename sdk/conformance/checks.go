package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// errInProcess leaves out a check that only a process can take.
var errInProcess = errors.New("only for a process")

func checks() []check {
	return []check{
		{name: "start", run: start},
		{name: "stdout is quiet before the handshake", run: quiet},
		{name: "describe", run: describe},
		{name: "configuration accepted", run: accepted},
		{name: "unknown key of the configuration refused", run: refused},
		{name: "health check answers", run: health},
		{name: "event is answered", run: known},
		{name: "unknown event is answered", run: unknown},
		{name: "payload that is no JSON is answered", run: garbage},
		{name: "payload of 5 MiB is answered", run: huge},
		{name: "32 calls at once", run: concurrent},
		{name: "batch answers each event once", run: batch},
		{name: "cancelled call harms nobody", run: cancelled},
		{name: "duplicate delivery repeats no receipt", run: duplicate},
		{name: "panic in the handler is a retry", applies: func(p Plugin) bool { return p.Panic != "" }, run: panics},
		{name: "slow handler answers before its deadline", applies: func(p Plugin) bool { return p.Slow != "" }, run: deadline},
		{name: "slow handler is counted at stop", applies: func(p Plugin) bool { return p.Slow != "" }, run: slowStop},
		{name: "stop refuses what comes after", run: stop},
		{name: "ends when its host is gone", run: orphan},
	}
}

func start(ctx context.Context, r run) (string, error) {
	_, err := r.Client.Describe(ctx, &listenerv1.DescribeRequest{})
	return "started", err
}

func quiet(_ context.Context, r run) (string, error) {
	if r.Process == nil {
		return "", errInProcess
	}
	if noise := r.Process.Noise(); len(noise) > 0 {
		return "", fmt.Errorf("it printed %q to stdout first: write logs to stderr", noise[0])
	}
	return "nothing printed", nil
}

func describe(ctx context.Context, r run) (string, error) {
	res, err := r.Client.Describe(ctx, &listenerv1.DescribeRequest{})
	switch {
	case err != nil:
		return "", err
	case res.GetName() == "":
		return "", errors.New("it has no name: set DescribeResponse.name")
	case len(res.GetConfigSchema()) > 0 && !json.Valid(res.GetConfigSchema()):
		return "", errors.New("config_schema is not JSON")
	}
	return fmt.Sprintf("%s %s, %s", res.GetName(), res.GetVersion(), strings.Join(res.GetCapabilities(), ", ")), nil
}

func (r run) can(ctx context.Context, capability string) (bool, error) {
	res, err := r.Client.Describe(ctx, &listenerv1.DescribeRequest{})
	return slices.Contains(res.GetCapabilities(), capability), err
}

func accepted(ctx context.Context, r run) (string, error) {
	res, err := r.Client.Configure(ctx, r.block(r.config(), true))
	if err != nil {
		return "", err
	}
	if faults := refusals(res); len(faults) > 0 {
		return "", fmt.Errorf("refused: %s; give the check a configuration that is good", strings.Join(faults, "; "))
	}
	return "accepted", r.configure(ctx)
}

func refused(ctx context.Context, r run) (string, error) {
	const key = "earshot_conformance"
	var block map[string]json.RawMessage
	if err := json.Unmarshal(r.config(), &block); err != nil {
		return "", fmt.Errorf("the configuration given is not a JSON object: %w", err)
	}
	block[key] = json.RawMessage(`true`)
	data, err := json.Marshal(block)
	if err != nil {
		return "", err
	}
	res, err := r.Client.Configure(ctx, r.block(data, true))
	if err != nil {
		return "", err
	}
	faults := refusals(res)
	if len(faults) == 0 {
		return "", fmt.Errorf("a block with the key %q was accepted: a mistyped key must be an error", key)
	}
	configures, err := r.can(ctx, "configure")
	if err != nil {
		return "", err
	}
	if configures && !slices.ContainsFunc(res.GetDiagnostics(), func(d *listenerv1.Diagnostic) bool { return d.GetPath() == key }) {
		return "", fmt.Errorf("refused, but no diagnostic has the path %q: %s", key, strings.Join(faults, "; "))
	}
	return "refused with its path", r.configure(ctx)
}

func health(ctx context.Context, r run) (string, error) {
	if err := r.configure(ctx); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	res, err := r.Client.CheckHealth(ctx, &listenerv1.CheckHealthRequest{})
	switch {
	case err != nil:
		return "", err
	case res.GetHealthy():
		return "healthy", nil
	case res.GetMessage() == "":
		return "", errors.New("not healthy, without a message: say why")
	}
	// Where this runs, the provider may be out of reach.
	return "not healthy, and says why", nil
}

func (r run) deliver(ctx context.Context, d *listenerv1.Delivery) (string, error) {
	if err := r.configure(ctx); err != nil {
		return "", err
	}
	o, err := r.handle(ctx, d)
	return o.GetCode().String(), err
}

func known(ctx context.Context, r run) (string, error) { return r.deliver(ctx, r.event(1)) }

func unknown(ctx context.Context, r run) (string, error) {
	return r.deliver(ctx, delivery(1, "conformance.unknown", []byte(`{}`)))
}

func garbage(ctx context.Context, r run) (string, error) {
	d := r.event(1)
	d.Payload = []byte("{\"cut\": \"off\xff")
	return r.deliver(ctx, d)
}

func huge(ctx context.Context, r run) (string, error) {
	d := r.event(1)
	d.Payload = []byte(`{"filler":"` + string(bytes.Repeat([]byte("x"), 5<<20)) + `"}`)
	return r.deliver(ctx, d)
}

func concurrent(ctx context.Context, r run) (string, error) {
	if err := r.configure(ctx); err != nil {
		return "", err
	}
	const calls = 32
	errs := make([]error, calls)
	var wg sync.WaitGroup
	for i := range calls {
		wg.Go(func() { _, errs[i] = r.handle(ctx, r.event(int64(i+1))) })
	}
	wg.Wait()
	return "all answered", errors.Join(errs...)
}

func batch(ctx context.Context, r run) (string, error) {
	batches, err := r.can(ctx, "batch")
	if err != nil || !batches {
		return "takes one event at a time", err
	}
	if err := r.configure(ctx); err != nil {
		return "", err
	}
	req := &listenerv1.HandleBatchRequest{}
	missing := make(map[string]bool)
	for id := range int64(5) {
		d := r.event(id + 1)
		req.Deliveries = append(req.Deliveries, d)
		missing[d.GetIdempotencyKey()] = true
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	stream, err := r.Client.HandleBatch(ctx, req)
	if err != nil {
		return "", err
	}
	for len(missing) > 0 {
		res, err := stream.Recv()
		if err != nil {
			return "", fmt.Errorf("%d of 5 events have no answer: %w", len(missing), err)
		}
		if !missing[res.GetIdempotencyKey()] {
			return "", fmt.Errorf("key %q was answered twice or never asked", res.GetIdempotencyKey())
		}
		delete(missing, res.GetIdempotencyKey())
	}
	return "5 answers", nil
}

func cancelled(ctx context.Context, r run) (string, error) {
	if err := r.configure(ctx); err != nil {
		return "", err
	}
	d := r.event(1)
	if r.Slow != "" {
		d.EventName = r.Slow
	}
	gone, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		// What becomes of it nobody can know.
		_, _ = r.Client.Handle(gone, &listenerv1.HandleRequest{Delivery: d})
	}()
	cancel()
	<-done
	_, err := r.handle(ctx, r.event(2))
	return "the next call was answered", err
}

func duplicate(ctx context.Context, r run) (string, error) {
	if err := r.configure(ctx); err != nil {
		return "", err
	}
	first, err := r.handle(ctx, r.event(1))
	if err != nil {
		return "", err
	}
	again := r.event(1)
	again.Redelivered, again.Attempt, again.Receipts = true, 2, first.GetReceipts()
	second, err := r.handle(ctx, again)
	if err != nil {
		return "", err
	}
	for _, old := range first.GetReceipts() {
		for _, added := range second.GetReceipts() {
			if old.GetKey() == added.GetKey() {
				return "", errors.New("a receipt that was handed back was answered again: who has one must not be told twice")
			}
		}
	}
	return fmt.Sprintf("%d receipts, none repeated", len(first.GetReceipts())), nil
}

func panics(ctx context.Context, r run) (string, error) {
	if err := r.configure(ctx); err != nil {
		return "", err
	}
	o, err := r.handle(ctx, delivery(1, r.Panic, r.Payload))
	if err != nil {
		return "", err
	}
	if o.GetCode() != listenerv1.Outcome_CODE_RETRY {
		return "", fmt.Errorf("answered %s, want a retry", o.GetCode())
	}
	_, err = r.handle(ctx, r.event(2))
	return "retry, and the next event was answered", err
}

func deadline(ctx context.Context, r run) (string, error) {
	if err := r.configure(ctx); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	o, err := r.handle(ctx, delivery(1, r.Slow, r.Payload))
	if err != nil {
		return "", err
	}
	if o.GetCode() != listenerv1.Outcome_CODE_RETRY {
		return "", fmt.Errorf("answered %s, want a retry", o.GetCode())
	}
	return "retry, in time", nil
}

func slowStop(ctx context.Context, r run) (string, error) {
	if err := r.configure(ctx); err != nil {
		return "", err
	}
	done := make(chan error, 1)
	go func() {
		_, err := r.handle(ctx, delivery(1, r.Slow, r.Payload))
		done <- err
	}()
	// From outside nothing tells that a handler has begun.
	select {
	case <-time.After(300 * time.Millisecond):
	case err := <-done:
		return "", fmt.Errorf("event %q was to be slow but was answered at once: %w", r.Slow, err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	res, err := r.Client.Stop(ctx, &listenerv1.StopRequest{DrainFor: durationpb.New(500 * time.Millisecond)})
	if err != nil {
		return "", err
	}
	if n := res.GetUnfinished(); n != 1 {
		return "", fmt.Errorf("stop reported %d unfinished deliveries, want 1", n)
	}
	return "1 unfinished", nil
}

func stop(ctx context.Context, r run) (string, error) {
	if err := r.configure(ctx); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := r.Client.Stop(ctx, &listenerv1.StopRequest{DrainFor: durationpb.New(time.Second)}); err != nil {
		return "", err
	}
	_, err := r.Client.Handle(ctx, &listenerv1.HandleRequest{Delivery: r.event(1)})
	if code := status.Code(err); code != codes.Unavailable {
		return "", fmt.Errorf("an event after stop was answered with the gRPC status %s, want Unavailable", code)
	}
	return "refused", nil
}

func orphan(ctx context.Context, r run) (string, error) {
	if r.Process == nil {
		return "", errInProcess
	}
	if err := r.configure(ctx); err != nil {
		return "", err
	}
	if err := r.Process.Abandon(); err != nil {
		return "", err
	}
	timer := time.NewTimer(lifeLine)
	defer timer.Stop()
	select {
	case <-r.Process.Exited():
		return "ended", nil
	case <-timer.C:
		return "", fmt.Errorf("it still ran %s after its stdin was closed: end when reading stdin meets its end", lifeLine)
	}
}
