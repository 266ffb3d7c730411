package main

import (
	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/queue"
)

func (c *cli) queueExport() *cobra.Command {
	var f filterFlags
	var reveal bool
	cmd := &cobra.Command{
		Use: "export", Short: "Print events with all that is known of them, one JSON object per line", Args: cobra.NoArgs,
		Long: `Prints what queue show -o jsonl prints, for every event that the flags pick, the
oldest first.

` + filterHelp,
		Example: `  earshot queue export --status failed > failed.jsonl
  earshot queue export --match customer.email=ana@example.com --reveal`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := f.filter()
			if err != nil {
				return err
			}
			return c.withQueue(cmd, func(store *queue.Store) error {
				c.output = "jsonl"
				return store.Find(cmd.Context(), filter, func(ids []int64) error {
					for _, id := range ids {
						s, err := show(cmd, store, id, reveal)
						if err != nil {
							return err
						}
						if err := c.json(cmd, s); err != nil {
							return err
						}
					}
					return nil
				})
			})
		},
	}
	f.add(cmd)
	cmd.Flags().IntVar(&f.limit, "limit", 0, "at most this many (0: all)")
	cmd.Flags().BoolVar(&reveal, "reveal", false, "print payloads as they are")
	return cmd
}
