// Command earshot-listener-webhook posts events to a URL, signed as Standard
// Webhooks says.
package main

import "github.com/earshot-host/earshot/sdk"

func main() {
	sdk.Serve(&Listener{}, sdk.Name("webhook"), sdk.Summary("posts events to a URL, signed"))
}
