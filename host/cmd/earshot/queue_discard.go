package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/queue"
)

func (c *cli) queueDiscard() *cobra.Command {
	b := &bulk{c: c, ask: "Give up these %s events for good?", said: "%d of %d events discarded"}
	var reason string
	cmd := &cobra.Command{
		Use:   "discard [ID…]",
		Short: "Give up events: what has not been delivered will not be",
		Long: `Ends the deliveries of events that have not been delivered: their events become
failed, with the reason, and a retry leaves them out unless it names their ids.
Deliveries that a host makes at this moment are left; run it again for those.

` + filterHelp,
		Example: `  earshot queue discard 1042 --reason 'test data'
  earshot queue discard --listener whatsapp --until 7d --reason 'too late to be of use'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := b.flags.filter()
			if err != nil {
				return err
			}
			picked := b.flags.given() && !(len(args) > 0 && b.flags.onlyListener())
			listener, err := b.flags.oneListener(&filter, "dead", "open")
			if err != nil {
				return err
			}
			if len(filter.Status) == 0 {
				filter.Status = []string{"pending", "processing", "failed"}
			}
			filter.Undiscarded = true
			running := 0
			b.do = func(ctx context.Context, store *queue.Store, ids []int64) ([]int64, error) {
				d, err := store.Discard(ctx, ids, listener, reason)
				running += d.Running
				return d.Events, err
			}
			if err := b.run(cmd, args, filter, picked); err != nil {
				return err
			}
			if running > 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), c.say("%d deliveries are being made right now and were left")+"\n", running)
			}
			return nil
		},
	}
	b.add(cmd)
	cmd.Flags().StringVar(&reason, "reason", "by hand", "why; it is kept with the event")
	return cmd
}
