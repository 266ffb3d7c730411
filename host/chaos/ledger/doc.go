// Package ledger is a listener that writes down each call before and after it
// does its work, and misbehaves at random. Its lines are what the checker
// believes: they are on the disk before the call goes on.
package ledger
