package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/queue"
	"github.com/earshot-host/earshot/host/internal/strictyaml"
)

// pruned is what prune says in JSON.
type pruned struct {
	Deleted int  `json:"deleted"`
	Emptied int  `json:"emptied"`
	Scrub   bool `json:"scrub"`
}

func (c *cli) queuePrune() *cobra.Command {
	var status, older string
	var scrub, yes bool
	cmd := &cobra.Command{
		Use: "prune", Short: "Delete old events that are finished, or empty their payloads", Args: cobra.NoArgs,
		Long: `Deletes events of one status that were finished some time ago, with the records of
their deliveries; with --scrub only empties the payloads of processed ones. It
works in small steps beside running hosts. A service does the same by itself
when retention is set in host.yaml.`,
		Example: `  earshot queue prune --older-than 90d
  earshot queue prune --older-than 365d --status failed
  earshot queue prune --older-than 1d --scrub`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			age, err := strictyaml.ParseDuration(older)
			switch {
			case older == "":
				return usage(errors.New("--older-than is missing, such as 90d"))
			case err != nil:
				return usage(fmt.Errorf("--older-than %q is not a duration; write 12h or 90d", older))
			case scrub && status != "processed":
				return usage(errors.New("--scrub works on processed events: all others still need their payload"))
			}
			if err := known("--status", []string{status}, []string{"processed", "failed"}); err != nil {
				return err
			}
			return c.withQueue(cmd, func(store *queue.Store) error {
				if !yes {
					if err := c.sure(cmd, "Delete these events?"); err != nil {
						return err
					}
				}
				return c.prune(cmd, store, status, age, scrub)
			})
		},
	}
	cmd.Flags().StringVar(&older, "older-than", "", "only events that were finished this long ago: 12h, 90d")
	cmd.Flags().StringVar(&status, "status", "processed", "processed or failed")
	cmd.Flags().BoolVar(&scrub, "scrub", false, "only empty the payloads")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do it without asking")
	complete(cmd, "status", []string{"processed", "failed"})
	return cmd
}

func (c *cli) prune(cmd *cobra.Command, store *queue.Store, status string, age time.Duration, scrub bool) error {
	out := pruned{Scrub: scrub}
	for from, first := int64(0), true; first || from != 0; first = false {
		var n int
		var err error
		if scrub {
			n, from, err = store.Scrub(cmd.Context(), age, from, 500)
			out.Emptied += n
		} else {
			n, from, err = store.Prune(cmd.Context(), status, age, from, 500)
			out.Deleted += n
		}
		if err != nil {
			if out.Deleted+out.Emptied > 0 {
				err = coded{exitPartly, fmt.Errorf("stopped after %d events; the same command goes on from there: %w", out.Deleted+out.Emptied, err)}
			}
			return err
		}
	}
	if c.output != "table" {
		return c.json(cmd, out)
	}
	said, n := "%d events deleted", out.Deleted
	if scrub {
		said, n = "%d payloads emptied", out.Emptied
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), c.say(said)+"\n", n)
	return err
}

// errNobody says that a question has nobody to answer it.
var errNobody = errors.New("there is nobody to ask; say --yes if that is meant")

// sure asks a person, and refuses to act for nobody.
func (c *cli) sure(cmd *cobra.Command, question string) error {
	in := cmd.InOrStdin()
	if f, ok := in.(*os.File); ok && !isTerminal(f) {
		return usage(errNobody)
	}
	fmt.Fprint(cmd.ErrOrStderr(), c.say(question)+" [y/N] ")
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && answer == "" {
		return usage(errNobody)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes", "s", "sim":
		return nil
	}
	return coded{exitFailed, errors.New("nothing was done")}
}
