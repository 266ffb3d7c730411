package sdk

import (
	"context"
	"encoding/json"
)

// Listener is the one thing that a plugin must be: it is told about events.
//
// Handle is called by many goroutines at once, up to the listener's
// `concurrency` in events.yaml. ctx ends when the delivery's deadline passes,
// when the host gives the delivery up, or when the plugin must stop.
//
// What Handle returns decides what happens to the delivery:
//
//	nil                     delivered
//	Skip("why")             nothing to do; counted apart
//	any other error         try again after the host's backoff
//	RetryAfter(err, d)      try again after d
//	Permanent(err)          never try again
//	Unavailable(err, d)     the listener itself is broken: hold all its
//	                        deliveries for d, spend no attempt
type Listener interface {
	Handle(ctx context.Context, ev *Event) error
}

// ListenerFunc lets a function be a Listener.
type ListenerFunc func(ctx context.Context, ev *Event) error

// Handle calls f.
func (f ListenerFunc) Handle(ctx context.Context, ev *Event) error { return f(ctx, ev) }

// Configurer is a Listener that takes configuration.
//
// Configure is called once, before the first Handle, with the listener's
// `config` block of events.yaml; it also runs to check a configuration that is
// then thrown away, so it must not connect or send. Wrap an error with At to
// say which key is at fault.
type Configurer interface {
	Configure(ctx context.Context, cfg Config) error
}

// Checker is a Listener that can say whether it could deliver now.
// Check may connect and log in; it must not send anything to anybody.
type Checker interface {
	Check(ctx context.Context) error
}

// BatchListener is a Listener that is faster with many events at once.
// HandleBatch returns one error for each event, in the same order.
type BatchListener interface {
	HandleBatch(ctx context.Context, evs []*Event) []error
}

// Closer is a Listener with something to put away. Close is called once, after
// the last Handle has returned.
type Closer interface {
	Close() error
}

// Config is the `config` block of a listener as the host read it.
type Config struct {
	// Listener is the listener's name in events.yaml.
	Listener string
	// JSON is the block as a JSON object, with secrets in their places; never log it.
	JSON json.RawMessage
	// Dir is the folder of events.yaml: relative paths in the block start here.
	Dir string
	// Timezone is the IANA name of the host's time zone.
	Timezone string

	// probe makes Decode tell what it was asked for instead of reading.
	probe *any
}
