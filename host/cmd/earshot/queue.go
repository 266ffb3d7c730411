package main

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/queue"
)

var statuses = []string{"pending", "processing", "processed", "failed"}

func (c *cli) queue() *cobra.Command {
	cmd := &cobra.Command{Use: "queue", Short: "See what is in the queue"}
	cmd.AddCommand(c.queueList(), c.queueShow())
	return cmd
}

func (c *cli) queueList() *cobra.Command {
	var f queue.Filter
	cmd := &cobra.Command{
		Use: "list", Short: "List events, the newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			for _, status := range f.Status {
				if !slices.Contains(statuses, status) {
					return usage(fmt.Errorf("--status %s is not known; use one of %v", status, statuses))
				}
			}
			if f.Limit < 1 {
				return usage(fmt.Errorf("--limit takes a number from 1"))
			}
			store, err := c.open(cmd)
			if err != nil {
				return err
			}
			defer store.Close()
			rows, err := store.List(cmd.Context(), f)
			if err != nil {
				return err
			}
			return list(c, cmd, rows, "ID EVENT STATUS ATTEMPTS CREATED ERROR", func(r queue.Row) []string {
				return []string{strconv.FormatInt(r.ID, 10), r.Name, r.Status, strconv.Itoa(r.Attempts), when(r.Created), short(r.Error, 80)}
			})
		},
	}
	cmd.Flags().StringSliceVar(&f.Status, "status", nil, "only events with one of these statuses")
	cmd.Flags().StringSliceVar(&f.Event, "event", nil, "only events of these names; appointment.* stands for all that begin so")
	cmd.Flags().StringSliceVar(&f.Listener, "listener", nil, "only events that one of these listeners was told of")
	cmd.Flags().IntVar(&f.Limit, "limit", 50, "at most this many")
	return cmd
}

// shown is an event with all that is known of it.
type shown struct {
	queue.Row
	Deliveries []queue.DeliveryRow `json:"deliveries"`
	WentWrong  []queue.AttemptRow  `json:"went_wrong"`
}

func (c *cli) queueShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show one event: who was told, and what went wrong", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return usage(fmt.Errorf("%q is not an event's id, which is a number", args[0]))
			}
			store, err := c.open(cmd)
			if err != nil {
				return err
			}
			defer store.Close()
			row, deliveries, attempts, err := store.Show(cmd.Context(), id)
			if err != nil {
				return err
			}
			if c.output != "table" {
				return c.json(cmd, shown{row, deliveries, attempts})
			}
			return printShown(cmd, shown{row, deliveries, attempts})
		},
	}
}

func printShown(cmd *cobra.Command, s shown) error {
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "Event %d  %s  %s\n", s.ID, s.Name, s.Status)
	fmt.Fprintf(w, "created %s, scheduled %s, processed %s, payload %d bytes\n", when(s.Created), when(s.Scheduled), when(s.Processed), s.PayloadSize)
	if s.Error != "" {
		fmt.Fprintln(w, s.Error)
	}
	fmt.Fprintln(w)
	err := table(w, s.Deliveries, "LISTENER STATE ATTEMPTS DUE FINISHED RECEIPTS ERROR", func(d queue.DeliveryRow) []string {
		state := string(d.State)
		if d.Running {
			state = "running on " + d.Host
		}
		return []string{d.Listener, state, strconv.Itoa(d.Attempts), when(d.Due), when(d.Finished), strconv.Itoa(d.Receipts), short(d.Error, 80)}
	})
	if err != nil || len(s.WentWrong) == 0 {
		return err
	}
	fmt.Fprintln(w)
	return table(w, s.WentWrong, "LISTENER ATTEMPT OUTCOME WHEN HOST ERROR", func(a queue.AttemptRow) []string {
		return []string{a.Listener, strconv.Itoa(a.Attempt), a.Outcome, when(&a.Finished), a.Host, short(a.Error, 80)}
	})
}
