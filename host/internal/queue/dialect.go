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
	// age is how many microseconds after one time another is: age(from, to).
	age func(from, to string) string
	// skip locks the rows that a claim reads and passes over those that others
	// hold; empty where one transaction writes at a time.
	skip string
	// wait locks the rows that a roll-up reads, waiting for others.
	wait string
	// replicated says that other nodes take writes too, and that row locks end
	// at this one: only two writes to a row conflict, when they are committed.
	replicated bool
	// ignore ends an INSERT of deliveries whose duplicates are left alone,
	// ignoreListener one of listeners.
	ignore, ignoreListener string
	// conflict tells that another transaction was in the way: the same one may
	// be tried again at once.
	conflict func(error) bool
	// severed tells that the connection was lost: the last statement may have
	// been carried out.
	severed func(error) bool
	// transient tells any fault that is gone when tried again later.
	transient func(error) bool
	// unknown tells an error about a statement that the server does not know.
	unknown func(error) bool
	// missing tells an error about a table or column that is not there.
	missing func(error) bool
}
