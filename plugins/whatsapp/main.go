// Command earshot-listener-whatsapp tells customers and providers about
// appointments on WhatsApp.
package main

import "github.com/earshot-host/earshot/sdk"

func main() {
	sdk.Serve(&Listener{}, sdk.Name("whatsapp"), sdk.Summary("sends appointment messages on WhatsApp"))
}
