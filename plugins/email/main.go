// Command earshot-listener-email tells customers, providers and staff about
// appointments by e-mail.
package main

import "github.com/earshot-host/earshot/sdk"

func main() {
	sdk.Serve(&Listener{}, sdk.Name("email"), sdk.Summary("sends appointment mails over SMTP"))
}
