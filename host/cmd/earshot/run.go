package main

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/app"
	"github.com/earshot-host/earshot/host/internal/dispatch"
)

// cronMaxTime ends a pass before the next minute's begins.
const cronMaxTime = 50 * time.Second

func (c *cli) run() *cobra.Command {
	var run dispatch.Options
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Work on the queue: as a service, or once for cron",
		Long: `Claims due events, calls their listeners and records what became of them.

As a service it runs until SIGTERM, which lets running calls finish. SIGHUP, or a
change of events.yaml, puts the new file to use; a file with a mistake changes
nothing. With --once it ends when nothing is due; runs may overlap.

` + exitCodeHelpTxt,
		Example: `  earshot run
  * * * * *  earshot run --once --limit 20      (crontab)`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if run.Once && !cmd.Flags().Changed("max-time") {
				run.MaxTime = cronMaxTime
			}
			return c.work(cmd, run)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&run.Once, "once", false, "end when nothing is due")
	flags.IntVar(&run.Limit, "limit", 0, "claim at most this many new events (0: no limit)")
	flags.DurationVar(&run.MaxTime, "max-time", 0, "claim no longer than this (0: no limit; with --once 50s)")
	return cmd
}

func (c *cli) processEvents() *cobra.Command {
	return &cobra.Command{
		Use:   "process_events [N]",
		Short: "One pass over at most N events (10), as in Easy!Appointments' cron line",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			limit := 10
			if len(args) == 1 {
				n, err := strconv.Atoi(args[0])
				if err != nil || n < 1 {
					return usage(fmt.Errorf("%q is not a number of events; use: earshot process_events 20", args[0]))
				}
				limit = n
			}
			return c.work(cmd, dispatch.Options{Once: true, Limit: limit, MaxTime: cronMaxTime})
		},
	}
}

// work runs the host until it is told to stop or has nothing to do.
func (c *cli) work(cmd *cobra.Command, run dispatch.Options) error {
	if run.Limit < 0 || run.MaxTime < 0 {
		return usage(fmt.Errorf("--limit and --max-time cannot be negative"))
	}
	// First of all: a reload that comes while the host starts must not end it.
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	set, err := c.settings(cmd)
	if err != nil {
		return err
	}
	a, err := app.New(cmd.Context(), set, app.Options{
		Version: version, Logger: c.logger(set, run.Once), LookupEnv: os.LookupEnv, Run: run,
	})
	if err != nil {
		return err
	}
	summary, err := a.Run(cmd.Context(), hangup)
	if cerr := a.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if run.Once && isTerminal(os.Stdout) {
		fmt.Fprintf(cmd.OutOrStdout(), "%d events, %d deliveries made, %d skipped, %d to be tried again, %d dead, %d refused\n",
			summary.Events, summary.Delivered, summary.Skipped, summary.Retrying, summary.Dead, summary.Refused)
	}
	return nil
}
