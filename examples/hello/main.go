// Command earshot-listener-hello is the smallest listener.
package main

import (
	"context"

	"github.com/earshot-host/earshot/sdk"
)

func main() {
	sdk.Serve(sdk.ListenerFunc(func(ctx context.Context, ev *sdk.Event) error {
		sdk.Logger(ctx).Info("hello", "event", ev.Name)
		return nil
	}))
}
