package main

import "fmt"

// route says which events the producer makes, how often, and who must be told.
type route struct {
	name      string
	share     int // of 100
	listeners []string
}

var routes = []route{
	{"load.plain", 35, []string{"plain"}},
	{"load.bulk", 40, []string{"bulk"}},
	{"order.moved", 15, []string{"order"}},
	{"all.saved", 10, []string{"bulk", "order", "plain", "wild"}},
}

// ordered are the listeners with an order_by in eventsYAML.
var ordered = []string{"order"}

// eventsYAML is the registry of a run. spare changes nothing but the file's
// hash and one listener's concurrency: something to reload.
func eventsYAML(ledgers string, seed uint64, spare int) string {
	ledger := fmt.Sprintf("dir: %q, seed: %d", ledgers, seed>>1)
	return fmt.Sprintf(`version: 1
defaults:
  timeout: 3s
  retry: {max_attempts: %d, first: 1s, factor: 1.5, max: 3s}
listeners:
  plain: {plugin: ledger, concurrency: 16, config: {%[2]s, work: 2, retry: 0.01, reject: 0.002, skip: 0.005}}
  bulk: {plugin: bulk, concurrency: 4, config: {%[2]s, work: 2, retry: 0.005}}
  order: {plugin: ledger, concurrency: %[3]d, order_by: appointment.id, config: {%[2]s, work: 2, retry: 0.02}}
  wild: {plugin: ledger, concurrency: 8, config: {%[2]s, work: 5, retry: 0.1, crash: 0.001, hang: 0.003, slow: 0.02, partial: 0.05}}
events:
  load.plain: [plain]
  load.bulk: [bulk]
  order.moved: [order]
  all.saved: [bulk, order, plain, wild]
`, maxAttempts, ledger, 8+spare%4)
}

// hostYAML is what all hosts share; what differs is in their environments.
const hostYAML = `database: {driver: mysql}
events: events.yaml
plugins: {dirs: [plugins]}
run_dir: run
run: {lease: 5s, poll: 50ms, drain: 5s}
`
