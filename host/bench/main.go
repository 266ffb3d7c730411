// Command bench measures Earshot with real binaries: the host, its plugins and
// a database. `make bench` runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	if serve() {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var opt options
	flag.StringVar(&opt.earshot, "earshot", "bin/earshot", "the host's binary")
	flag.StringVar(&opt.server, "server", os.Getenv("EARSHOT_TEST_MYSQL_DSN"), "DSN of a server where databases may be made")
	flag.IntVar(&opt.events, "events", 20_000, "size of a backlog")
	flag.IntVar(&opt.big, "big", 1_000_000, "size of a big table")
	flag.IntVar(&opt.runs, "runs", 5, "runs of each measurement; the median counts")
	flag.StringVar(&opt.only, "only", "", "measure only what has this in its name")
	flag.Parse()
	if err := report(ctx, os.Stdout, opt); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	earshot, server   string
	events, big, runs int
	only              string
}
