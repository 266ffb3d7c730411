package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/earshot-host/earshot/sdk"
	"github.com/earshot-host/earshot/sdk/client"
)

// byHandVar makes the test binary play a plugin that is run by hand.
const byHandVar = "EARSHOT_TEST_BY_HAND"

func TestMain(m *testing.M) {
	if os.Getenv(byHandVar) != "" || os.Getenv(client.Handshake().MagicCookieKey) != "" {
		sdk.Serve(newPuppet(), sdk.Name("puppet"), sdk.Version("1.2.3"), sdk.Summary("does what the event says"))
		return
	}
	// go-plugin looks once a second whether a process that it attached to lives.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/hashicorp/go-plugin/internal/cmdrunner.pidWait"))
}

// puppet does what the event's name says.
type puppet struct {
	cfg     puppetConfig
	release chan struct{} // lets stubborn end
	seen    chan *sdk.Event
	closed  chan struct{}
}

type puppetConfig struct {
	Greeting string       `json:"greeting" jsonschema:"required"`
	Token    sdk.Secret   `json:"token"`
	Every    sdk.Duration `json:"every"`
	Limits   struct {
		Max int `json:"max"`
	} `json:"limits"`
}

func newPuppet() *puppet {
	return &puppet{release: make(chan struct{}), seen: make(chan *sdk.Event, 64), closed: make(chan struct{})}
}

func (p *puppet) Configure(_ context.Context, cfg sdk.Config) error {
	p.cfg = puppetConfig{Greeting: "hello"}
	if err := cfg.Decode(&p.cfg); err != nil {
		return err
	}
	if p.cfg.Greeting == "" {
		return sdk.At("greeting", errors.New("is missing"))
	}
	return nil
}

func (p *puppet) Check(context.Context) error {
	if p.cfg.Greeting == "sick" {
		return errors.New("the provider is down")
	}
	return nil
}

func (p *puppet) Close() error { close(p.closed); return nil }

func (p *puppet) Handle(ctx context.Context, ev *sdk.Event) error {
	select {
	case p.seen <- ev:
	default:
	}
	base := errors.New("boom")
	switch ev.Name {
	case "greet":
		ev.SetExternalID(p.cfg.Greeting)
	case "retry":
		return base
	case "later":
		return sdk.RetryAfter(base, time.Minute)
	case "permanent":
		return fmt.Errorf("send: %w", sdk.Permanent(base))
	case "skip":
		return sdk.Skip("nobody to tell")
	case "unavailable":
		return sdk.Unavailable(base, time.Hour)
	case "mixed":
		return errors.Join(sdk.Permanent(base), sdk.RetryAfter(errors.New("busy"), 0))
	case "long":
		return errors.New("\xffé" + string(make([]byte, 4000)))
	case "panic":
		panic("boom")
	case "print":
		fmt.Println("an author's forgotten line")
		sdk.Logger(ctx).Warn("a line", "msg", 5, "@level", 7, "took", time.Second)
	case "slow":
		ev.Receipt("customer:7", "id-7")
		<-ctx.Done()
		return fmt.Errorf("send: %w", sdk.Permanent(context.Cause(ctx)))
	case "slow-error":
		<-ctx.Done()
		return sdk.Permanent(ctx.Err())
	case "stubborn":
		ev.Receipt("customer:7", "id-7")
		<-p.release
	case "people":
		for _, key := range []string{"customer:7", "provider:2"} {
			if !ev.Done(key) {
				ev.Receipt(key, "id-"+key)
				return errors.New("one at a time")
			}
		}
	}
	return nil
}
