package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/queue"
)

func (c *cli) queue() *cobra.Command {
	cmd := &cobra.Command{Use: "queue", Short: "See what is in the queue, and mend it"}
	cmd.AddCommand(c.queueList(), c.queueShow(), c.queueStats(), c.queueRetry(), c.queueDiscard(),
		c.queuePause(), c.queueResume(), c.queuePrune(), c.queueExport(), c.queueWatch())
	return cmd
}

func (c *cli) queueList() *cobra.Command {
	var f filterFlags
	cmd := &cobra.Command{
		Use: "list", Short: "List events, the newest first", Args: cobra.NoArgs,
		Long: `Lists events, the newest first. For the next page give --before the last id.

` + filterHelp,
		Example: `  earshot queue list --status failed
  earshot queue list --event 'appointment.*' --since 2h
  earshot queue list --match customer.email=ana@example.com -o jsonl`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := f.filter()
			if err != nil {
				return err
			}
			return c.withQueue(cmd, func(store *queue.Store) error {
				rows, err := store.List(cmd.Context(), filter)
				if err != nil {
					return err
				}
				return list(c, cmd, rows, eventHeader, c.eventLine)
			})
		},
	}
	f.add(cmd)
	cmd.Flags().IntVar(&f.limit, "limit", 50, "at most this many")
	cmd.Flags().Int64Var(&f.before, "before", 0, "only ids below this one: the next page")
	return cmd
}

const eventHeader = "ID EVENT STATUS ATTEMPTS CREATED ERROR"

func (c *cli) eventLine(r queue.Row) []string {
	return []string{strconv.FormatInt(r.ID, 10), r.Name, r.Status, strconv.Itoa(r.Attempts), c.when(r.Created), short(r.Error, 80)}
}

// withQueue opens the queue for one command.
func (c *cli) withQueue(cmd *cobra.Command, do func(*queue.Store) error) error {
	if err := c.checkOutput(); err != nil {
		return err
	}
	store, err := c.open(cmd)
	if err != nil {
		return err
	}
	defer store.Close()
	return do(store)
}
