// Package listenerv1 is the wire between host and listeners, as protoc makes it of
// listener.proto, and that file itself.
package listenerv1

import _ "embed"

//go:embed listener.proto
var source string

// Source is the text of listener.proto, for plugins in other languages.
func Source() string { return source }
