package queue

import "time"

// dialect is what the databases do not share. All else is written once.
type dialect struct {
	// name is the folder of migrations.
	name string
	// now is the clock of Earshot's own tables: UTC, with fractions.
	now string
	// queueNow is the clock that the application's own times are compared
	// with: NOW() in the server's zone, as its SQL uses it.
	queueNow string
	// later is now plus one argument, which after makes.
	later string
	after func(time.Duration) any
	// queueLater is queueNow plus one argument of after; lastID the id of the
	// row that this session inserted last.
	queueLater string
	lastID     string
	// age is how many microseconds ago the create_datetime of row e was.
	age string
	// lock keeps other claimers off the rows that a claim reads.
	lock string
	// wait locks the rows that a roll-up reads, waiting for others.
	wait string
	// ignore ends an INSERT whose duplicates are left alone.
	ignore string
	// upsert ends an INSERT into event_listeners that replaces the row.
	upsert string
	// transient tells a fault that is gone when tried again.
	transient func(error) bool
	// missing tells an error about a table or column that is not there.
	missing func(error) bool
}
