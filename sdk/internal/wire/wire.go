// Package wire holds what both ends of the wire must agree on before the first
// call: the handshake, the protocol's version and the size of a message.
package wire

import "github.com/hashicorp/go-plugin"

const (
	// Version is the major version of the protocol, listener/v1.
	Version = 1
	// Plugin is the one thing that a listener's process serves.
	Plugin = "listener"
	// MaxMessage bounds a message either way, in bytes: a payload at the
	// host's limit with room around it, and far from what would exhaust memory.
	MaxMessage = 16 << 20
	// Window is how much may be under way unacknowledged, in bytes. gRPC's own
	// 64 KiB is less than a few dozen payloads, and makes it probe for more.
	Window = 4 << 20
	// CookieKey names the variable by which a binary knows that a host starts it.
	CookieKey = "EARSHOT_LISTENER"

	cookieValue = "earshot.listener"
)

// Handshake tells a plugin started by a host from one run by hand. It is no secret.
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{MagicCookieKey: CookieKey, MagicCookieValue: cookieValue}
}

// StartedByHost reports whether getenv is the environment that a host gives.
func StartedByHost(getenv func(string) string) bool { return getenv(CookieKey) == cookieValue }

// AddrKey names the variable with the address, "unix:" and a path, on which a
// plugin may simply listen instead of printing go-plugin's handshake line.
const AddrKey = "EARSHOT_LISTENER_ADDR"
