package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// json prints v as one JSON value, indented for json and on one line for jsonl.
func (c *cli) json(cmd *cobra.Command, v any) error {
	enc := json.NewEncoder(cmd.OutOrStdout())
	enc.SetEscapeHTML(false) // no page shows it: < and & stay readable
	if c.output == "json" {
		enc.SetIndent("", "  ")
	}
	return enc.Encode(v)
}

// checkOutput refuses an unknown -o, --time or --lang.
func (c *cli) checkOutput() error {
	if err := c.checkLang(); err != nil {
		return err
	}
	if c.times != "iso" && c.times != "relative" {
		return usage(fmt.Errorf("--time %s is not known; use iso or relative", c.times))
	}
	switch c.output {
	case "table", "json", "jsonl":
		return nil
	}
	return usage(fmt.Errorf("-o %s is not known; use table, json or jsonl", c.output))
}

// list prints rows: a table with the given columns, or JSON.
func list[T any](c *cli, cmd *cobra.Command, rows []T, header string, line func(T) []string) error {
	switch c.output {
	case "json":
		return c.json(cmd, rows)
	case "jsonl":
		for _, r := range rows {
			if err := c.json(cmd, r); err != nil {
				return err
			}
		}
		return nil
	}
	return table(cmd.OutOrStdout(), rows, c.header(header), line)
}

func table[T any](w io.Writer, rows []T, header string, line func(T) []string) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, strings.ReplaceAll(header, " ", "\t"))
	for _, r := range rows {
		fmt.Fprintln(tw, strings.Join(line(r), "\t"))
	}
	return tw.Flush()
}

// when prints a time for a table; nil is a dash.
func when(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Format("2006-01-02 15:04:05")
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// oneLine keeps text out of the next row of a table.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// short cuts text for a table cell and keeps it on one line.
func short(text string, width int) string {
	text = oneLine(text)
	if runes := []rune(text); len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	if text == "" {
		return "-"
	}
	return text
}
