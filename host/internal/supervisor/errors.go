package supervisor

import (
	"errors"
	"fmt"
	"strings"
	"time"

	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// ErrClosed says that the supervisor was closed: nothing was called.
var ErrClosed = errors.New("the host is stopping")

// ErrNoBatch says that a listener takes one delivery at a time.
var ErrNoBatch = errors.New("the plugin does not take batches")

// ErrNoCheck says that a listener cannot tell whether it could deliver.
var ErrNoCheck = errors.New("the plugin cannot check itself")

// UnavailableError says that a listener could not be called: nothing was sent
// to anybody, and no attempt was made.
type UnavailableError struct {
	Listener string
	// After is how long to leave the listener alone.
	After time.Duration
	Err   error
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("listener %s cannot be called: %v", e.Listener, e.Err)
}
func (e *UnavailableError) Unwrap() error { return e.Err }

// RetryIn is how long to leave the listener alone.
func (e *UnavailableError) RetryIn() time.Duration { return e.After }

// ExitedError says that the plugin's process ended during a call: what it was
// to send may have been sent.
type ExitedError struct {
	Listener string
	// Status is the exit code or signal, in words.
	Status string
	// Stderr is the last that the process wrote, at most 20 lines.
	Stderr []string
}

func (e *ExitedError) Error() string {
	msg := fmt.Sprintf("the plugin of listener %s ended during the call: %s", e.Listener, e.Status)
	if said := telling(e.Stderr); said != "" {
		msg += fmt.Sprintf(`; it said %q`, said)
	}
	return msg
}

// Exited reports that the process ended in the middle of a call.
func (e *ExitedError) Exited() bool { return true }

// telling picks the line that says why a process ended.
func telling(lines []string) string {
	for _, line := range lines {
		if isPanic(line) {
			return line
		}
	}
	if len(lines) > 0 {
		return lines[len(lines)-1]
	}
	return ""
}

// TooLargeError says that the wire does not take a delivery of this size.
type TooLargeError struct {
	Listener string
	// Size of the delivery, in bytes.
	Size int
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the delivery has %d bytes, more than the plugin of listener %s takes: drop fields with payload: in events.yaml", e.Size, e.Listener)
}

// TooLarge reports that no retry can help.
func (e *TooLargeError) TooLarge() bool { return true }

// StartError says why a plugin could not be started, and what to do.
type StartError struct {
	Path string
	// Reason is what went wrong; Hint is what to do next.
	Reason, Hint string
	// Status is the exit code or signal in words; empty while it was running.
	Status string
	// Stdout is the first line on stdout that was no handshake.
	Stdout string
	// Stderr is the last that the process wrote, at most 20 lines.
	Stderr []string
	Err    error
}

func (e *StartError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "start %s: %s", e.Path, e.Reason)
	if e.Status != "" {
		fmt.Fprintf(&b, " (%s)", e.Status)
	}
	if e.Stdout != "" {
		fmt.Fprintf(&b, "; its first line on stdout: %q", e.Stdout)
	}
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	if len(e.Stderr) > 0 {
		b.WriteString("; its last lines on stderr:\n  " + strings.Join(e.Stderr, "\n  "))
	}
	return b.String()
}
func (e *StartError) Unwrap() error { return e.Err }

// VersionError says that plugin and host have no protocol version in common.
type VersionError struct {
	Plugin int
	Host   []int
	// HostVersion is the release of this host.
	HostVersion string
}

func (e *VersionError) Error() string {
	what := "build it again with the SDK of this host, or use an older host"
	if len(e.Host) > 0 && e.Plugin > e.Host[len(e.Host)-1] {
		what = "update this host, or build the plugin with an older SDK"
	}
	return fmt.Sprintf("the plugin speaks protocol %d and this host (%s) speaks %s: %s",
		e.Plugin, e.HostVersion, strings.Trim(fmt.Sprint(e.Host), "[]"), what)
}

// ConfigError says that the plugin refused its `config` in events.yaml.
type ConfigError struct {
	Listener string
	Faults   []*listenerv1.Diagnostic
}

func (e *ConfigError) Error() string {
	faults := make([]string, len(e.Faults))
	for i, d := range e.Faults {
		faults[i] = fmt.Sprintf("listeners.%s.config", e.Listener)
		if d.GetPath() != "" {
			faults[i] += "." + d.GetPath()
		}
		faults[i] += ": " + d.GetSummary()
	}
	return "the plugin refuses its config: " + strings.Join(faults, "; ")
}
