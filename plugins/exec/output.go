package main

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
)

const (
	maxLine  = 4 << 10 // of one line in the log; what is beyond is dropped
	maxLines = 200     // in the log for one event
)

// lines writes what a program prints to stderr to the log, line by line. It
// takes all that comes: a program must not block on a full pipe.
type lines struct {
	log  *slog.Logger
	mu   sync.Mutex
	buf  []byte
	cut  bool
	n    int
	last string
}

func (w *lines) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		part, rest, ended := bytes.Cut(p, []byte{'\n'})
		p = rest
		room := maxLine - len(w.buf)
		w.cut = w.cut || len(part) > room
		w.buf = append(w.buf, part[:min(len(part), room)]...)
		if ended {
			w.flush()
		}
	}
	return n, nil
}

func (w *lines) flush() {
	text := strings.TrimSpace(strings.ToValidUTF8(string(w.buf), "\uFFFD"))
	if w.cut {
		text += " … (cut)"
	}
	w.buf, w.cut = w.buf[:0], false
	if text == "" {
		return
	}
	w.last = text
	switch w.n++; {
	case w.n <= maxLines:
		w.log.Info(text)
	case w.n == maxLines+1:
		w.log.Warn("the program prints too much: the rest is left out", "lines", maxLines)
	}
}

// close hands on what there is of a last line, and returns it.
func (w *lines) close() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flush()
	return w.last
}
