// Package dispatcher puts events into the queue of a Go application, in the
// application's own transaction:
//
//	events := dispatcher.New(dispatcher.Options{})
//
//	tx, err := db.BeginTx(ctx, nil)
//	// … save the appointment with tx …
//	_, err = events.Dispatch(ctx, tx, dispatcher.AppointmentSaved, appointment)
//	err = tx.Commit()
//
// Either both are there after the commit, or neither. With gorm, pass the
// connection of its transaction: tx.Statement.ConnPool.
//
// The package needs nothing but database/sql; the application brings its driver.
package dispatcher
