package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/queue"
)

// stats is how the queue and its listeners stand.
type stats struct {
	queue.Stats
	Listeners []queue.ListenerRow `json:"listeners"`
	// Paused events, by name or by the beginning of one.
	Paused []string `json:"paused_events"`
}

func (c *cli) queueStats() *cobra.Command {
	var by string
	cmd := &cobra.Command{
		Use: "stats", Short: "Count what is in the queue, and how its listeners stand", Args: cobra.NoArgs,
		Long: `Counts events by status, and deliveries by listener. Big counts end with a +: they
stop there, so that the answer takes no longer on a big table. --by groups the
events that have not been processed.`,
		Example: `  earshot queue stats
  earshot queue stats --by error`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := known("--by", nonEmpty(by), []string{"event", "error"}); err != nil {
				return err
			}
			return c.withQueue(cmd, func(store *queue.Store) error {
				if by != "" {
					return c.printGroups(cmd, store, by)
				}
				s, err := readStats(cmd, store)
				if err != nil {
					return err
				}
				if c.output != "table" {
					return c.json(cmd, s)
				}
				return c.printStats(cmd.OutOrStdout(), s)
			})
		},
	}
	cmd.Flags().StringVar(&by, "by", "", "group events that have not been processed by: event, error")
	complete(cmd, "by", []string{"event", "error"})
	return cmd
}

func nonEmpty(word string) []string {
	if word == "" {
		return nil
	}
	return []string{word}
}

func (c *cli) printGroups(cmd *cobra.Command, store *queue.Store, by string) error {
	groups, err := store.GroupBy(cmd.Context(), by)
	if err != nil {
		return err
	}
	return list(c, cmd, groups, "EVENTS STATUS VALUE", func(g queue.Group) []string {
		return []string{counted(g.Events), g.Status, short(g.Value, 120)}
	})
}

func readStats(cmd *cobra.Command, store *queue.Store) (stats, error) {
	st, err := store.Stats(cmd.Context())
	if err != nil {
		return stats{}, err
	}
	listeners, err := store.Listeners(cmd.Context())
	if err != nil {
		return stats{}, err
	}
	paused, err := store.PausedEvents(cmd.Context())
	return stats{st, listeners, append([]string{}, paused...)}, err
}

func (c *cli) printStats(w io.Writer, s stats) error {
	count := func(n int) string {
		if n >= queue.MaxStat {
			return strconv.Itoa(queue.MaxStat) + "+"
		}
		return strconv.Itoa(n)
	}
	for _, status := range queue.Statuses() {
		fmt.Fprintf(w, "%-24s %s\n", c.say(status), count(s.Events[status]))
		if status == "pending" {
			fmt.Fprintf(w, "  %-22s %s\n  %-22s %s\n", c.say("due now"), count(s.Due), c.say("scheduled for later"), count(s.Later))
			if s.Due > 0 {
				fmt.Fprintf(w, "  %-22s %s\n", c.say("oldest due"), c.ago(time.Duration(s.OldestDueAge*float64(time.Second))))
			}
		}
	}
	if len(s.Paused) > 0 {
		fmt.Fprintf(w, "%-24s %s\n", c.say("paused events"), strings.Join(s.Paused, ", "))
	}
	if len(s.Listeners) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	return table(w, s.Listeners, c.header("LISTENER STATE WAITING RUNNING DUE DEAD LAST_DELIVERED WHY"), func(l queue.ListenerRow) []string {
		return []string{l.Listener, l.State, counted(l.Open), counted(l.Running), counted(l.Due), counted(l.Dead), c.when(l.LastDelivered), short(l.Reason, 80)}
	})
}
