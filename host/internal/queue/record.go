package queue

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"gorm.io/gorm"

	"github.com/earshot-host/earshot/host/internal/event"
)

// Record writes what became of a group of deliveries, and what that means for
// their events, in one transaction. Every write is fenced by the claim's token:
// a delivery that is no longer ours is left as it is. It returns how many were not.
func (s *Store) Record(ctx context.Context, group []event.Settled) (stale int, err error) {
	err = s.write(ctx, func(tx *gorm.DB) error {
		stale = 0
		plain, rest := split(group)
		for _, token := range slices.Sorted(maps.Keys(plain)) {
			n, err := s.finish(tx, token, plain[token])
			if err != nil {
				return err
			}
			stale += len(plain[token]) - n
		}
		var failed []event.Settled
		for _, st := range rest {
			ok, err := s.settle(tx, st)
			switch {
			case err != nil:
				return err
			case !ok:
				stale++
				continue
			case st.Failed:
				failed = append(failed, st)
			}
		}
		if err := s.logAttempts(tx, failed); err != nil {
			return err
		}
		if err := s.handOver(tx, keyed(group)); err != nil {
			return err
		}
		if err := s.rollUp(tx, eventIDs(group)); err != nil {
			return err
		}
		return s.noteHealth(tx, group)
	})
	if err != nil {
		return 0, fmt.Errorf("record %d deliveries: %w", len(group), err)
	}
	return stale, nil
}

// keyed are the deliveries of a group that others with their key wait for. One
// that was stale is no harm: what comes next is looked at, and waits on.
func keyed(group []event.Settled) []event.Delivery {
	var finished []event.Delivery
	for _, st := range group {
		if st.State != event.Open && st.Delivery.OrderingKey != "" {
			finished = append(finished, st.Delivery)
		}
	}
	return finished
}

// split parts the deliveries that all end alike, by token, from those with
// something of their own to write. Both come out in the order of their ids, so
// that two hosts never wait for each other in a circle.
func split(group []event.Settled) (map[string][]int64, []event.Settled) {
	plain := make(map[string][]int64)
	var rest []event.Settled
	for _, st := range slices.SortedFunc(slices.Values(group), func(a, b event.Settled) int { return cmp.Compare(a.Delivery.ID, b.Delivery.ID) }) {
		own := st.Attempts != 1 || st.Outcome.ExternalID != "" || len(st.Outcome.Receipts) > 0
		if st.State == event.Done && !own {
			plain[st.Delivery.Token] = append(plain[st.Delivery.Token], st.Delivery.ID)
		} else {
			rest = append(rest, st)
		}
	}
	return plain, rest
}

// finish ends deliveries that were delivered at the first attempt.
func (s *Store) finish(tx *gorm.DB, token string, ids []int64) (int, error) {
	res := tx.Exec(`UPDATE event_deliveries SET state = 'delivered', due_at = NULL, token = NULL, attempts = 1, finished_at = `+s.now+`
		WHERE id IN ? AND token = ?`, ids, token)
	return int(res.RowsAffected), res.Error
}

// settle writes one delivery and reports whether it was still ours.
func (s *Store) settle(tx *gorm.DB, st event.Settled) (bool, error) {
	receipts, err := encodeReceipts(st.Delivery.Receipts, st.Outcome.Receipts)
	if err != nil {
		return false, err
	}
	due, finished, lastError := "NULL", s.now, "?"
	args := []any{st.State}
	if st.State == event.Open {
		due, finished, lastError = s.later, "NULL", "COALESCE(?, last_error)"
		args = append(args, s.after(st.DueIn))
	}
	args = append(args, st.Attempts, st.Lost, st.Redelivered, receipts, null(clip(st.Error)), null(clipTo(st.Outcome.ExternalID, 255)),
		st.Delivery.ID, st.Delivery.Token)
	res := tx.Exec(`UPDATE event_deliveries SET state = ?, due_at = `+due+`, token = NULL, finished_at = `+finished+`,
			attempts = ?, lost = ?, redelivered = ?, receipts = ?, last_error = `+lastError+`, external_id = ?
		WHERE id = ? AND token = ?`, args...)
	return res.RowsAffected == 1, res.Error
}

func (s *Store) logAttempts(tx *gorm.DB, failed []event.Settled) error {
	if len(failed) == 0 {
		return nil
	}
	var b strings.Builder
	b.WriteString("INSERT INTO event_attempts (event_id, listener, attempt, outcome, error, host, finished_at) VALUES ")
	var args []any
	for i, st := range failed {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("(?, ?, ?, ?, ?, ?, " + s.now + ")")
		args = append(args, st.Delivery.Event.ID, st.Delivery.Listener, st.Delivery.Attempts+1, st.Outcome.Code.String(), null(clip(st.Outcome.Reason)), s.opt.Host)
	}
	return tx.Exec(b.String(), args...).Error
}

func eventIDs(group []event.Settled) []int64 {
	ids := make([]int64, len(group))
	for i, st := range group {
		ids[i] = st.Delivery.Event.ID
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func encodeReceipts(before, added []event.Receipt) (sql.NullString, error) {
	all := slices.Concat(before, added)
	if len(all) == 0 {
		return sql.NullString{}, nil
	}
	b, err := json.Marshal(all)
	return sql.NullString{String: string(b), Valid: true}, err
}

// maxText is the longest error that is kept, in bytes: enough to read, and far
// below the 65,535 of a TEXT column in a session that is strict.
const maxText = 4096

func clip(text string) string { return clipTo(text, maxText) }

// clipTo makes text valid UTF-8 of at most limit bytes, cut between runes.
func clipTo(text string, limit int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= limit {
		return text
	}
	cut := limit - len("…")
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
