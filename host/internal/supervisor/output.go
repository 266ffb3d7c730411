package supervisor

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"
)

const (
	maxLine = 64 << 10 // of one line that a plugin writes; what is beyond is dropped
	maxTail = 20       // lines kept for errors
	maxKept = 500      // bytes of such a line
)

// lineWriter cuts what it is given into lines of at most maxLine bytes. It
// never fails and never stops: a plugin must not block on a full pipe.
type lineWriter struct {
	line func(text string)
	buf  []byte
	// over is set while the rest of a line that is too long goes by.
	over bool
}

func (w *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		part, rest, ended := bytes.Cut(p, []byte{'\n'})
		p = rest
		if room := maxLine - len(w.buf); !w.over {
			w.over = len(part) > room
			w.buf = append(w.buf, part[:min(len(part), room)]...)
		}
		if ended {
			w.flush()
		}
	}
	return n, nil
}

// flush hands on what there is of a line.
func (w *lineWriter) flush() {
	text := strings.ToValidUTF8(strings.TrimRight(string(w.buf), "\r"), "\uFFFD")
	if w.over {
		text += " … (cut)"
	}
	w.buf, w.over = w.buf[:0], false
	if strings.TrimSpace(text) != "" {
		w.line(text)
	}
}

// output takes what one process writes to the log, and keeps the end of it.
type output struct {
	log    hclog.Logger
	redact *strings.Replacer

	mu       sync.Mutex
	tail     []string
	panicked bool
}

// stdout logs a line that a plugin printed.
func (o *output) stdout(text string) {
	o.log.Info(o.redact.Replace(text), "stream", "stdout")
}

// stderr logs a line of a plugin's stderr: its log as JSON, or plain text.
func (o *output) stderr(text string) {
	text = o.redact.Replace(text)
	o.mu.Lock()
	o.panicked = o.panicked || isPanic(text)
	panicked := o.panicked
	o.tail = append(o.tail, clip(text, maxKept))
	if len(o.tail) > maxTail {
		// A trace of goroutines is long: its first line is the one that tells.
		drop := 0
		if isPanic(o.tail[0]) {
			drop = 1
		}
		o.tail = slices.Delete(o.tail, drop, drop+1)
	}
	o.mu.Unlock()

	if level, message, pairs, ok := readLog(text, o.redact); ok {
		o.log.Log(level, message, pairs...)
		return
	}
	if panicked {
		o.log.Error(text)
		return
	}
	o.log.Info(text)
}

// lines returns the last lines of stderr.
func (o *output) lines() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.tail)
}

// dying is how the Go runtime begins its last words.
var dying = regexp.MustCompile(`^(panic|fatal error|SIG[A-Z]+): `)

func isPanic(line string) bool { return dying.MatchString(line) }

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// readLog reads a line of JSON as hclog, slog and the usual loggers of other
// languages write it. Nothing is taken for granted about the types in it.
func readLog(text string, redact *strings.Replacer) (hclog.Level, string, []any, bool) {
	if !strings.HasPrefix(text, "{") {
		return 0, "", nil, false
	}
	var fields map[string]any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber() // ids have 64 bits
	if dec.Decode(&fields) != nil {
		return 0, "", nil, false
	}
	message, ok := take(fields, "@message", "msg", "message")
	if !ok {
		return 0, "", nil, false
	}
	name, _ := take(fields, "@level", "level")
	level := hclog.LevelFromString(name)
	if level == hclog.NoLevel || level == hclog.Off {
		level = hclog.Info
	}
	for _, key := range []string{"@timestamp", "time", "timestamp", "@module"} {
		delete(fields, key)
	}
	var pairs []any
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		pairs = append(pairs, key, redactValue(redact, fields[key]))
	}
	return level, redact.Replace(message), pairs, true
}

// take removes the first of keys that is a string, and returns it.
func take(fields map[string]any, keys ...string) (string, bool) {
	for _, key := range keys {
		if s, ok := fields[key].(string); ok {
			delete(fields, key)
			return s, true
		}
	}
	return "", false
}
