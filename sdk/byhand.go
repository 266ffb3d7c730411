package sdk

import (
	"context"
	"fmt"
	"io"
)

func byHand(_ context.Context, l Listener, opts []Option, args []string, _ io.Reader, _, stderr io.Writer) int {
	fmt.Fprintln(stderr, "This is a listener for Earshot; a host starts it.")
	return 2
}
