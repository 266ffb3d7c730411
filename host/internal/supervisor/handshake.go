package supervisor

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-plugin"

	"github.com/earshot-host/earshot/sdk/client"
)

// addrVariable tells a plugin where it may simply listen instead of printing a
// handshake.
const addrVariable = "EARSHOT_LISTENER_ADDR"

// shape is what a handshake looks like:
// core version | protocol version | network | address | protocol | …
var shape = regexp.MustCompile(`^\d+\|\d+\|(unix|tcp)\|[^|]+(\|.*)?$`)

// maxHandshake is far above a handshake with a certificate in it.
const maxHandshake = 16 << 10

func isHandshake(line string) bool { return len(line) <= maxHandshake && shape.MatchString(line) }

// versions are the protocol versions of this host, in order.
func versions() []int { return slices.Sorted(maps.Keys(client.Versions())) }

// checkHandshake says in our own words what go-plugin would say in its own.
func checkHandshake(line, hostVersion string) error {
	parts := strings.Split(line, "|")
	if parts[0] != strconv.Itoa(plugin.CoreProtocolVersion) {
		return fmt.Errorf("it speaks version %s of go-plugin's handshake and this host speaks %d: build it again with the SDK of this host",
			parts[0], plugin.CoreProtocolVersion)
	}
	version, err := strconv.Atoi(parts[1])
	if err != nil || !slices.Contains(versions(), version) {
		return &VersionError{Plugin: version, Host: versions(), HostVersion: hostVersion}
	}
	if len(parts) < 5 || parts[4] != string(plugin.ProtocolGRPC) {
		return fmt.Errorf("it is a go-plugin of another kind: its handshake %q does not say grpc", line)
	}
	if host, _, err := net.SplitHostPort(parts[3]); parts[2] == "tcp" && (err != nil || !isLoopback(host)) {
		return fmt.Errorf("it listens on %s: a plugin must listen on a unix socket or on the loopback address", parts[3])
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// awaitSocket returns the handshake of a plugin that just listens at path,
// once it accepts; it returns false when ctx ends first.
func awaitSocket(ctx context.Context, path string) (string, bool) {
	const slowest = 50 * time.Millisecond
	for wait := time.Millisecond; ; wait = min(2*wait, slowest) {
		select {
		case <-ctx.Done():
			return "", false
		case <-time.After(wait):
		}
		if _, err := os.Lstat(path); err != nil {
			continue
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
		if err != nil {
			continue
		}
		_ = conn.Close()
		return fmt.Sprintf("%d|%d|unix|%s|%s", plugin.CoreProtocolVersion, versions()[0], path, plugin.ProtocolGRPC), true
	}
}
