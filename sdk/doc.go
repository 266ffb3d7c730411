// Package sdk is what a listener for Earshot imports: a listener is one method,
// Handle, and Serve is its main function.
//
//	func main() {
//		sdk.Serve(&Listener{}, sdk.Name("greeter"), sdk.Summary("greets customers"))
//	}
//
// Anybody may import it; it imports nothing of the host. README.md beside it is
// the guide, sdktest tests a listener over the real wire, httpclient calls a
// provider's API.
package sdk
