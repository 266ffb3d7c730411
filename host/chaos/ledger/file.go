package ledger

import (
	"encoding/json"
	"errors"
	"os"
	"sync"
)

// file is a ledger on disk. Calls that write at the same time share one fsync.
type file struct {
	f     *os.File
	lines chan entry
	done  sync.WaitGroup
}

type entry struct {
	text []byte
	// written gets the result once the line is on the disk.
	written chan error
}

// openFile opens a ledger; end it with close.
func openFile(name string) (*file, error) {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	l := &file{f: f, lines: make(chan entry, 1000)}
	l.done.Go(l.write)
	return l, nil
}

// append returns when the line is on the disk.
func (l *file) append(v line) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	e := entry{append(text, '\n'), make(chan error, 1)}
	l.lines <- e
	return <-e.written
}

func (l *file) write() {
	for first := range l.lines {
		group := []entry{first}
		text := first.text
		for more := true; more; {
			select {
			case e, ok := <-l.lines:
				if more = ok; ok {
					group, text = append(group, e), append(text, e.text...)
				}
			default:
				more = false
			}
		}
		_, err := l.f.Write(text)
		err = errors.Join(err, l.f.Sync())
		for _, e := range group {
			e.written <- err
		}
	}
}

func (l *file) close() error {
	close(l.lines)
	l.done.Wait()
	return l.f.Close()
}
