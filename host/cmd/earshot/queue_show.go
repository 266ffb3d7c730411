package main

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/queue"
)

// shown is an event with all that is known of it.
type shown struct {
	queue.Row
	// Payload has its texts masked unless they were asked for.
	Payload    json.RawMessage     `json:"payload"`
	Deliveries []queue.DeliveryRow `json:"deliveries"`
	WentWrong  []queue.AttemptRow  `json:"went_wrong"`
}

func (c *cli) queueShow() *cobra.Command {
	var reveal bool
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show one event: who was told, and what went wrong", Args: cobra.ExactArgs(1),
		Long: `Shows one event with its deliveries and the attempts that went wrong. Texts in the
payload are hidden, since they are about people; --reveal shows them.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := eventIDs(args)
			if err != nil {
				return err
			}
			return c.withQueue(cmd, func(store *queue.Store) error {
				s, err := show(cmd, store, ids[0], reveal)
				if err != nil {
					return err
				}
				if c.output != "table" {
					return c.json(cmd, s)
				}
				return c.printShown(cmd, s)
			})
		},
	}
	cmd.Flags().BoolVar(&reveal, "reveal", false, "show the payload as it is")
	return cmd
}

func show(cmd *cobra.Command, store *queue.Store, id int64, reveal bool) (shown, error) {
	row, deliveries, attempts, err := store.Show(cmd.Context(), id)
	if err != nil {
		return shown{}, err
	}
	payload, err := store.Payload(cmd.Context(), id)
	if err != nil {
		return shown{}, err
	}
	return shown{row, showPayload(payload, reveal), deliveries, attempts}, nil
}

func (c *cli) printShown(cmd *cobra.Command, s shown) error {
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "%s %d  %s  %s\n", c.say("Event"), s.ID, s.Name, s.Status)
	fmt.Fprintf(w, "%s %s, %s %s, %s %s, %s\n", c.say("created"), c.when(s.Created), c.say("scheduled"), c.when(s.Scheduled),
		c.say("processed"), c.when(s.Processed), fmt.Sprintf(c.say("payload %d bytes"), s.PayloadSize))
	if s.Error != "" {
		fmt.Fprintln(w, oneLine(s.Error))
	}
	fmt.Fprintln(w)
	var err error
	if len(s.Deliveries) == 0 {
		_, err = fmt.Fprintln(w, c.say("nobody has been told yet"))
	} else {
		err = table(w, s.Deliveries, c.header("LISTENER STATE ATTEMPTS DUE FINISHED RECEIPTS ID ERROR"), func(d queue.DeliveryRow) []string {
			state := string(d.State)
			if d.Running {
				state = c.say("running on") + " " + d.Host
			}
			due := c.when(d.Due)
			if d.Due != nil && queue.Parked(*d.Due) {
				due = c.say("event is paused")
			}
			return []string{d.Listener, state, strconv.Itoa(d.Attempts), due, c.when(d.Finished), strconv.Itoa(d.Receipts), orDash(d.ExternalID), short(d.Error, 80)}
		})
	}
	if err == nil && len(s.WentWrong) > 0 {
		fmt.Fprintln(w)
		err = table(w, s.WentWrong, c.header("LISTENER ATTEMPT OUTCOME WHEN HOST ERROR"), func(a queue.AttemptRow) []string {
			return []string{a.Listener, strconv.Itoa(a.Attempt), a.Outcome, c.when(&a.Finished), a.Host, short(a.Error, 80)}
		})
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(w)
	_, err = fmt.Fprintln(w, indented(s.Payload))
	return err
}
