package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/queue"
)

// bulk does something to many events: to those whose ids are given, or to all
// that a filter picks, after it has shown how many these are.
type bulk struct {
	c      *cli
	flags  filterFlags
	yes    bool
	dryRun bool
	// ask is the question before it begins, with %s for how many events.
	ask string
	// said is what was done, with %d for how many events of how many.
	said string
	// do works on up to 500 events and returns those that it has changed.
	do func(ctx context.Context, store *queue.Store, ids []int64) ([]int64, error)
}

// bulkResult is what a bulk action says in JSON.
type bulkResult struct {
	// Looked is how many events were looked at, Changed how many there was
	// something to do for.
	Looked  int     `json:"looked_at"`
	Changed int     `json:"changed"`
	Missing []int64 `json:"missing,omitempty"`
	DryRun  bool    `json:"dry_run,omitempty"`
}

func (b *bulk) add(cmd *cobra.Command) {
	b.flags.add(cmd)
	cmd.Flags().IntVar(&b.flags.limit, "limit", 0, "at most this many events, the oldest first (0: all)")
	cmd.Flags().BoolVarP(&b.yes, "yes", "y", false, "do it without asking")
	cmd.Flags().BoolVar(&b.dryRun, "dry-run", false, "only show which events it would be")
}

// errIDsAndFilter says that it is not clear which events are meant.
var errIDsAndFilter = errors.New("give ids or flags that pick events, not both")

func (b *bulk) run(cmd *cobra.Command, args []string, filter queue.Filter, picked bool) error {
	ids, err := eventIDs(args)
	switch {
	case err != nil:
		return err
	case len(ids) > 0 && picked:
		return usage(errIDsAndFilter)
	case len(ids) == 0 && !picked:
		return usage(fmt.Errorf("which events? Give ids, or flags that pick them; see: %s --help", cmd.CommandPath()))
	}
	return b.c.withQueue(cmd, func(store *queue.Store) error {
		if len(ids) > 0 {
			return b.named(cmd, store, ids)
		}
		return b.filtered(cmd, store, filter)
	})
}

// named works on events that were named: nothing is asked.
func (b *bulk) named(cmd *cobra.Command, store *queue.Store, ids []int64) error {
	res := bulkResult{Looked: len(ids), DryRun: b.dryRun}
	for chunk := range slices.Chunk(ids, 500) {
		rows, err := store.Rows(cmd.Context(), chunk)
		if err != nil {
			return err
		}
		there := make(map[int64]bool)
		for _, r := range rows {
			there[r.ID] = true
		}
		for _, id := range chunk {
			if !there[id] {
				res.Missing = append(res.Missing, id)
			}
		}
		if b.dryRun {
			continue
		}
		done, err := b.do(cmd.Context(), store, chunk)
		if err != nil {
			return b.broken(res, err)
		}
		res.Changed += len(done)
	}
	if err := b.say(cmd, res); err != nil {
		return err
	}
	if n := len(res.Missing); n > 0 {
		err := fmt.Errorf("%w: the queue has no event %s", queue.ErrNotFound, joinIDs(res.Missing))
		if n < len(ids) {
			err = coded{exitPartly, err}
		}
		return err
	}
	return nil
}

func (b *bulk) filtered(cmd *cobra.Command, store *queue.Store, filter queue.Filter) error {
	n, sample, err := store.Count(cmd.Context(), filter, 5)
	if err != nil {
		return err
	}
	if n == 0 || b.dryRun {
		if n > 0 {
			b.preview(cmd, n, sample)
		}
		return b.say(cmd, bulkResult{Looked: n, DryRun: b.dryRun})
	}
	if !b.yes {
		b.preview(cmd, n, sample)
		if err := b.c.sure(cmd, fmt.Sprintf(b.c.say(b.ask), counted(n))); err != nil {
			return err
		}
	}
	res := bulkResult{}
	err = store.Find(cmd.Context(), filter, func(ids []int64) error {
		done, err := b.do(cmd.Context(), store, ids)
		if err != nil {
			return err
		}
		res.Looked, res.Changed = res.Looked+len(ids), res.Changed+len(done)
		if n > 500 {
			fmt.Fprintf(cmd.ErrOrStderr(), b.c.say("%d of %s events")+"\n", res.Looked, counted(n))
		}
		return nil
	})
	if err != nil {
		return b.broken(res, err)
	}
	return b.say(cmd, res)
}

// broken says how far an action came.
func (b *bulk) broken(res bulkResult, err error) error {
	if res.Looked == 0 || errors.Is(err, context.Canceled) {
		return err
	}
	return coded{exitPartly, fmt.Errorf("stopped after %d events; the same command goes on from there: %w", res.Looked, err)}
}

func (b *bulk) preview(cmd *cobra.Command, n int, sample []queue.Row) {
	w := cmd.ErrOrStderr()
	fmt.Fprintf(w, b.c.say("%s events match. The first of them:")+"\n", counted(n))
	if err := table(w, sample, b.c.header(eventHeader), b.c.eventLine); err != nil {
		fmt.Fprintln(w, err)
	}
}

func (b *bulk) say(cmd *cobra.Command, res bulkResult) error {
	if b.c.output != "table" {
		return b.c.json(cmd, res)
	}
	var err error
	switch {
	case b.dryRun:
		_, err = fmt.Fprintf(cmd.OutOrStdout(), b.c.say("%s events match, nothing was done")+"\n", counted(res.Looked))
	default:
		_, err = fmt.Fprintf(cmd.OutOrStdout(), b.c.say(b.said)+"\n", res.Changed, res.Looked-len(res.Missing))
	}
	return err
}

func joinIDs(ids []int64) string {
	var words []string
	for _, id := range ids[:min(len(ids), 10)] {
		words = append(words, fmt.Sprint(id))
	}
	if len(ids) > 10 {
		words = append(words, "…")
	}
	return strings.Join(words, ", ")
}
