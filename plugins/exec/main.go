// Command earshot-listener-exec runs a program of yours for each event, in
// whatever language it is written.
package main

import "github.com/earshot-host/earshot/sdk"

func main() {
	sdk.Serve(&Listener{}, sdk.Name("exec"), sdk.Summary("runs a program for each event"))
}
