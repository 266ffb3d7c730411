// Command chaos runs real hosts, real plugins and a real database, breaks them
// while events flow, and then checks that every promise was kept.
//
//	make chaos                     minutes, all faults; prints its seed
//	go run ./host/chaos -seed 7    the same choices of events and faults again
//
// producer.go inserts events with plain SQL, fleet.go keeps hosts running,
// faults.go breaks things, journal.go notes what was broken and when, ledger
// writes down what the plugins really did. When the faults have stopped,
// settle.go lets the queue come to rest, history.go gathers the records, and
// check decides. mutants.go breaks the product on purpose, to show that check
// would notice.
package main
