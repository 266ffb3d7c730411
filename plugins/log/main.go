// Command earshot-listener-log writes one line of JSON per event to a file.
package main

import "github.com/earshot-host/earshot/sdk"

func main() {
	sdk.Serve(&Listener{}, sdk.Name("log"), sdk.Summary("writes one line of JSON per event to a file"))
}
