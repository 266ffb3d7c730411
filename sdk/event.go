package sdk

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Event is one thing that happened, on its way to one listener.
type Event struct {
	ID   int64
	Name string
	// Payload is the JSON as the application stored it, less what `payload:`
	// in events.yaml drops. Do not change it.
	Payload []byte
	// IdempotencyKey names this event for this listener and is the same at
	// every attempt: hand it to a provider that can tell repeats apart.
	IdempotencyKey string
	// OccurredAt is when the application wrote the event; zero if the table does not tell.
	OccurredAt time.Time
	// Attempt counts from 1 up to MaxAttempts.
	Attempt     int
	MaxAttempts int
	// Redelivered says that an earlier attempt ended without an answer: what
	// it was to send may have been sent.
	Redelivered bool
	// DryRun asks to do everything but send.
	DryRun bool
	// Trace is the producer's W3C trace context, if there was one.
	Trace map[string]string

	mu         sync.Mutex
	done       map[string]string
	added      []Receipt
	externalID string
	report     func(Receipt)
}

// Receipt says that somebody was told: Key names them in the listener's own
// terms and must not be an address in clear; ExternalID is the provider's id.
type Receipt struct {
	Key        string
	ExternalID string
}

// Decode reads the payload into v. Its error is permanent: a payload that
// cannot be read now cannot be read later.
func (ev *Event) Decode(v any) error {
	if err := json.Unmarshal(ev.Payload, v); err != nil {
		return Permanent(fmt.Errorf("decode payload of %s: %w", ev.Name, err))
	}
	return nil
}

// Done reports whether the person that key names was told by an earlier
// attempt, or by this one.
func (ev *Event) Done(key string) bool {
	ev.mu.Lock()
	defer ev.mu.Unlock()
	_, ok := ev.done[key]
	return ok
}

// Receipts lists who has been told, by earlier attempts and by this one, in the
// order of their keys. Done is the simpler question.
func (ev *Event) Receipts() []Receipt {
	ev.mu.Lock()
	defer ev.mu.Unlock()
	list := make([]Receipt, 0, len(ev.done))
	for key, id := range ev.done {
		list = append(list, Receipt{key, id})
	}
	slices.SortFunc(list, func(a, b Receipt) int { return strings.Compare(a.Key, b.Key) })
	return list
}

// Receipt records that the person that key names has been told. It counts even
// if Handle fails afterwards, or the process ends: the next attempt finds it
// with Done.
func (ev *Event) Receipt(key, externalID string) {
	r := Receipt{key, externalID}
	if ev.add(r) && ev.report != nil {
		ev.report(r)
	}
}

// add reports whether r is new.
func (ev *Event) add(r Receipt) bool {
	ev.mu.Lock()
	defer ev.mu.Unlock()
	if _, ok := ev.done[r.Key]; ok {
		return false
	}
	if ev.done == nil {
		ev.done = make(map[string]string)
	}
	ev.done[r.Key] = r.ExternalID
	ev.added = append(ev.added, r)
	return true
}

// SetExternalID records the provider's id of the message, for support.
func (ev *Event) SetExternalID(id string) {
	ev.mu.Lock()
	defer ev.mu.Unlock()
	ev.externalID = id
}
