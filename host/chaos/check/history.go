// Package check decides from the records of a run whether the queue kept its
// promises. It is pure: what the producer, the listeners, the tables and the
// fault injector wrote down goes in, a report comes out.
package check

// History is all that was written down about one run. Times are nanoseconds
// of one wall clock, that of the machine on which everything ran.
type History struct {
	// Events that the producer knows to be committed, or that turned up in the
	// table although their commit was never answered, in the order of production.
	Events []Event
	// Missing are committed events that are not in the table any more.
	Missing []string
	Rows    map[int64]Row
	// Deliveries as the tables hold them at the end.
	Deliveries []Delivery
	Calls      []Call
	// Seen holds what was read as delivered, skipped or dead while the run went on.
	Seen   []Seen
	Faults []Fault
	// Ordered are the listeners with an order_by.
	Ordered []string
	// MaxLost is how many times one delivery may take its plugin down.
	MaxLost int
}

// Event is one row that the application inserted.
type Event struct {
	ID  int64
	Key string
	// Listeners that must be told.
	Listeners []string
	// MaxAttempts of each of them.
	MaxAttempts int
}

// Row is what the application sees of an event at the end.
type Row struct {
	Status   string
	Attempts int
}

// Delivery is one row of event_deliveries at the end.
type Delivery struct {
	Event    int64
	Listener string
	State    string
	Attempts int
	Lost     int
	// Open: due_at or token is still set.
	Open bool
}

// Outcome is how a call ended by the listener's own account.
type Outcome string

// A call without an end has the empty Outcome: its process died.
const (
	Delivered Outcome = "delivered"
	Skipped   Outcome = "skipped"
	Retried   Outcome = "retry"
	Rejected  Outcome = "rejected"
	// Cancelled calls saw their context end, and did not deliver.
	Cancelled Outcome = "cancelled"
	// Crashed calls killed their own process.
	Crashed Outcome = "crash"
)

// Call is one call of a listener.
type Call struct {
	Event       int64
	Listener    string
	Attempt     int
	Redelivered bool
	// PID is the plugin's process, Host its parent's. Process tells apart those
	// that had the same PID one after the other.
	PID, Host    int
	Process      int64
	Began, Ended int64
	Outcome      Outcome
	// Had are the receipts that came with the call, Told those it added.
	Had, Told []string
}

// Seen says that a delivery's end was durable before At.
type Seen struct {
	Event    int64
	Listener string
	State    string
	At       int64
}

// Kind is what a fault was.
type Kind string

// The kinds of faults. Stops freeze a process: what it had decided before, it
// does after, and nobody can hold it back.
const (
	HostKill   Kind = "host-kill"
	HostStop   Kind = "host-stop"
	HostTerm   Kind = "host-term"
	PluginKill Kind = "plugin-kill"
	PluginStop Kind = "plugin-stop"
	PluginSwap Kind = "plugin-swap"
	Reload     Kind = "reload"
	DBKill     Kind = "db-kill"
	DBStop     Kind = "db-stop"
	NodeKill   Kind = "node-kill"
	Cut        Kind = "cut"
	HalfOpen   Kind = "half-open"
	Slow       Kind = "slow"
	DiskFull   Kind = "disk-full"
	// Clock: the database's clock jumped, and leases with it.
	Clock Kind = "clock"
)

// Fault is one fault. PID is the process it hit; zero for all.
type Fault struct {
	Kind     Kind
	PID      int
	From, To int64
}
