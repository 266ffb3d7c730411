package sdktest

import (
	"bytes"
	"encoding/json"
	"sync"
)

// Line is one line that a listener logged.
type Line struct {
	Level, Message string
	// Fields are the rest of the line, such as event_id.
	Fields map[string]any
}

// Logs returns what the listener has logged so far. What is not a line of the
// SDK's logger has no level.
func (h *Host) Logs() []Line {
	var lines []Line
	for data := range bytes.Lines(h.logs.bytes()) {
		data = bytes.TrimSpace(data)
		var fields map[string]any
		if err := json.Unmarshal(data, &fields); err != nil {
			lines = append(lines, Line{Message: string(data)})
			continue
		}
		line := Line{Fields: fields}
		line.Level, _ = fields["@level"].(string)
		line.Message, _ = fields["@message"].(string)
		for _, key := range []string{"@level", "@message", "@timestamp"} {
			delete(fields, key)
		}
		lines = append(lines, line)
	}
	return lines
}

// logs is a buffer that a listener writes to while the test reads.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.buf.Bytes())
}

func (l *logs) String() string { return string(l.bytes()) }
