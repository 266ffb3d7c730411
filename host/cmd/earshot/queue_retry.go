package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/queue"
	"github.com/earshot-host/earshot/host/internal/strictyaml"
)

func (c *cli) queueRetry() *cobra.Command {
	b := &bulk{c: c, ask: "Send these %s events again?", said: "%d of %d events are sent again"}
	var failed bool
	var at, in string
	cmd := &cobra.Command{
		Use:   "retry [ID…]",
		Short: "Send events again, to the listeners that have not delivered",
		Long: `Sends events again: those with the given ids, or all that the flags pick; without
--status these are the failed ones. Who has delivered is not told twice. With
--listener only that listener's delivery is tried again. What was discarded is
left alone, unless its id is given.

` + filterHelp,
		Example: `  earshot queue retry 1042
  earshot queue retry --failed --limit 10 --yes
  earshot queue retry --listener whatsapp --error 'token expired' --since 1d`,
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := b.flags.filter()
			if err != nil {
				return err
			}
			r := queue.Retry{Discarded: len(args) > 0}
			if r.In, err = delay(at, in); err != nil {
				return err
			}
			picked := failed || b.flags.given() && !(len(args) > 0 && b.flags.onlyListener())
			if r.Listener, err = b.flags.oneListener(&filter, "dead", "open"); err != nil {
				return err
			}
			if len(filter.Status) == 0 {
				filter.Status = []string{"failed"}
				if r.Listener != "" && !failed {
					filter.Status = []string{"failed", "processing"}
				}
			}
			filter.Undiscarded = true
			b.do = func(ctx context.Context, store *queue.Store, ids []int64) ([]int64, error) {
				return store.Retry(ctx, ids, r)
			}
			return b.run(cmd, args, filter, picked)
		},
	}
	b.add(cmd)
	cmd.Flags().BoolVar(&failed, "failed", false, "all failed events")
	cmd.Flags().StringVar(&at, "at", "", "not before this time: 2026-05-01T09:30:00Z")
	cmd.Flags().StringVar(&in, "in", "", "not before this time has passed: 30s, 2h")
	return cmd
}

// delay reads --at and --in, of which one may be given.
func delay(at, in string) (time.Duration, error) {
	switch {
	case at != "" && in != "":
		return 0, usage(errors.New("give --at or --in, not both"))
	case in != "":
		d, err := strictyaml.ParseDuration(in)
		if err != nil {
			return 0, usage(fmt.Errorf("--in %q is not a duration; write 30s, 2h or 7d", in))
		}
		return d, nil
	case at != "":
		if _, err := strictyaml.ParseDuration(at); err == nil {
			return 0, usage(fmt.Errorf("--at %q is a duration; write --in %s, or a time such as 2026-05-01T09:30:00Z", at, at))
		}
		t, err := instant("--at", at)
		if err != nil {
			return 0, err
		}
		d := time.Until(t)
		if d <= 0 {
			return 0, usage(fmt.Errorf("--at %s has passed", at))
		}
		return d, nil
	}
	return 0, nil
}
