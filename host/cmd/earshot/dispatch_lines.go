package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/queue"
	"github.com/earshot-host/earshot/host/internal/registry"
)

const (
	// linesAtOnce is how many events one transaction inserts.
	linesAtOnce = 500
	// maxLine is more than the longest payload that can be set, with escapes.
	maxLine = 32 << 20
)

// line is one event of --lines.
type line struct {
	Event   string          `json:"event"`
	Payload json.RawMessage `json:"payload"`
	At      string          `json:"at"`
	In      string          `json:"in"`
	Key     string          `json:"key"`
}

// dispatchLines puts events in the queue, some hundreds in a transaction. A bad
// line ends it: the lines before it are in the queue, and it says how many.
func (c *cli) dispatchLines(cmd *cobra.Command, store *queue.Store) error {
	scanner := bufio.NewScanner(cmd.InOrStdin())
	scanner.Buffer(make([]byte, 0, 64<<10), maxLine)
	var group []queue.New
	done, number := 0, 0
	flush := func() error {
		if len(group) == 0 {
			return nil
		}
		out, err := store.Insert(cmd.Context(), group)
		if err != nil {
			return err
		}
		for i, in := range out {
			if c.output == "table" {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), in.ID)
			} else {
				err = c.json(cmd, enqueued{in.ID, group[i].Name, in.Duplicate})
			}
			if err != nil {
				return err
			}
		}
		done, group = done+len(group), group[:0]
		return nil
	}
	var bad error
	for bad == nil && scanner.Scan() {
		number++
		if text := bytes.TrimSpace(scanner.Bytes()); len(text) > 0 {
			var ev queue.New
			if ev, bad = readLine(text); bad == nil {
				group = append(group, ev)
			}
		}
		if bad == nil && len(group) == linesAtOnce {
			if err := flush(); err != nil {
				return afterLines(done, number, err)
			}
		}
	}
	if bad == nil && scanner.Err() != nil {
		number++
		bad = scanner.Err()
	}
	if err := flush(); err != nil {
		return afterLines(done, number, err)
	}
	if bad != nil {
		return afterLines(done, number, usage(fmt.Errorf("line %d: %w", number, bad)))
	}
	return nil
}

// afterLines says how far it came, so that the rest can be given again.
func afterLines(done, number int, err error) error {
	if done == 0 {
		return err
	}
	return coded{exitPartly, fmt.Errorf("%w; the %d events before it are in the queue", err, done)}
}

func readLine(text []byte) (queue.New, error) {
	var l line
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil {
		return queue.New{}, fmt.Errorf("it is not an event as JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return queue.New{}, errors.New("there is more than one value on the line")
	}
	if err := checkEventName(l.Event); err != nil {
		return queue.New{}, err
	}
	if err := checkKey(l.Key); err != nil {
		return queue.New{}, err
	}
	in, err := delay(l.At, l.In)
	if err != nil {
		return queue.New{}, err
	}
	return queue.New{Name: l.Event, Payload: l.Payload, In: in, Key: l.Key}, registry.CheckPayload(l.Payload)
}
