package queue

import (
	"errors"
	"net"
)

// Transient reports whether err is a fault of the moment (a deadlock, a lost
// connection, a server that is starting) and the same call may be made again.
// The fence makes repeating safe: what was already written changes nothing.
func (s *Store) Transient(err error) bool { return err != nil && s.transient(err) }

func isNet(err error) bool {
	var e net.Error
	return errors.As(err, &e)
}
