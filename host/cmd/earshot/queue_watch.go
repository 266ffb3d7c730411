package main

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/queue"
)

func (c *cli) queueWatch() *cobra.Command {
	var every time.Duration
	cmd := &cobra.Command{
		Use: "watch", Short: "Show stats again and again, until Ctrl-C", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if every < time.Second {
				return usage(fmt.Errorf("--interval takes at least 1s"))
			}
			return c.withQueue(cmd, func(store *queue.Store) error {
				clear := ""
				if isTerminal(os.Stdout) {
					clear = "\x1b[H\x1b[2J"
				}
				for {
					s, err := readStats(cmd, store)
					if err != nil {
						return err
					}
					var screen bytes.Buffer
					if c.output != "table" {
						err = c.json(cmd, s)
					} else if err = c.printStats(&screen, s); err == nil {
						// At once: a screen that is drawn line by line flickers.
						_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s%s\n\n%s\n", clear, s.Now, screen.String())
					}
					if err != nil {
						return err
					}
					select {
					case <-cmd.Context().Done():
						return cmd.Context().Err()
					case <-time.After(every):
					}
				}
			})
		},
	}
	cmd.Flags().DurationVar(&every, "interval", 2*time.Second, "time between two looks")
	return cmd
}
