package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/app"
)

// checkedListener is what a check found.
type checkedListener struct {
	Listener string `json:"listener"`
	OK       bool   `json:"ok"`
	Detail   string `json:"detail"`
}

func (c *cli) listenerCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check [NAME…]",
		Short: "Ask listeners, or all, whether they could deliver now; sends nothing",
		Long: `Starts each listener's plugin with its config and lets it connect and log in.
Nothing is sent to anybody. Exits 6 if one of them could not deliver.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withListeners(cmd, args, func(ls *app.Listeners) error {
				if len(args) == 0 {
					args = ls.Routes.Names()
				}
				var rows []checkedListener
				broken := 0
				for _, name := range args {
					can, err := ls.Check(cmd.Context(), name)
					row := checkedListener{name, err == nil, "could deliver now"}
					if !can {
						row.Detail = "starts and takes its config; it has no check of its own"
					}
					if err != nil {
						row.Detail = strings.TrimPrefix(err.Error(), app.ErrPlugin.Error()+": ")
						broken++
					}
					rows = append(rows, row)
				}
				err := list(c, cmd, rows, "LISTENER OK DETAIL", func(r checkedListener) []string {
					return []string{r.Listener, yesNo(r.OK), oneLine(r.Detail)}
				})
				if err == nil && broken > 0 {
					err = coded{exitPlugin, fmt.Errorf("%d of %d listeners could not deliver", broken, len(rows))}
				}
				return err
			})
		},
	}
}
