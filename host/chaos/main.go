package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/earshot-host/earshot/host/chaos/check"
	"github.com/earshot-host/earshot/host/chaos/ledger"
	"github.com/earshot-host/earshot/sdk"
)

const pluginPrefix = "earshot-listener-"

func main() {
	if servePlugin(os.Args[0]) {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// servePlugin plays the plugin when this binary was started under the name of
// one, and reports whether it was.
func servePlugin(arg0 string) bool {
	name, ok := strings.CutPrefix(filepath.Base(arg0), pluginPrefix)
	switch {
	case !ok:
		return false
	case name == "bulk":
		sdk.Serve(&ledger.Batch{}, sdk.Name(name), sdk.Summary("writes down each call, several at once"))
	default:
		sdk.Serve(&ledger.Listener{}, sdk.Name(name), sdk.Summary("writes down each call, and misbehaves at random"))
	}
	return true
}

func command(ctx context.Context, args []string) error {
	opt := options{}
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	faults := flags.String("faults", "", "which faults, separated by commas (default: all but disk-full, which needs root, clock, which needs libfaketime, and node-kill)")
	results := flags.String("table", "", "print this file of results as the table of RELIABILITY.md")
	mutants := flags.Bool("mutants", false, "break the product on purpose, and show that each breach is noticed")
	flags.StringVar(&opt.mutant, "mutant", "", "of the mutants only those with this in their names")
	flags.Uint64Var(&opt.seed, "seed", uint64(time.Now().UnixNano()), "of all random choices")
	flags.DurationVar(&opt.length, "for", 2*time.Minute, "how long things break")
	flags.DurationVar(&opt.every, "every", 700*time.Millisecond, "mean time between two faults")
	flags.IntVar(&opt.events, "events", 20000, "how many events are produced")
	flags.IntVar(&opt.services, "services", 3, "hosts that run as a service")
	flags.IntVar(&opt.crons, "crons", 1, "hosts that run once, again and again")
	flags.IntVar(&opt.nodes, "nodes", 1, "database servers; more than one is a Galera cluster")
	flags.StringVar(&opt.dir, "dir", "", "where to work (default: a temporary folder, removed when all was well)")
	flags.StringVar(&opt.results, "results", "", "a file to add the result to, as a line of JSON")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *faults != "" {
		for _, name := range strings.Split(*faults, ",") {
			opt.faults = append(opt.faults, check.Kind(name))
		}
	}
	opt.log = os.Stdout
	if *results != "" {
		f, err := os.Open(*results)
		if err != nil {
			return err
		}
		defer f.Close()
		return table(f, os.Stdout)
	}
	if *mutants {
		return catchMutants(ctx, opt)
	}
	report, err := run(ctx, opt)
	if err == nil && !report.OK() {
		err = fmt.Errorf("promises were broken with seed %d", opt.seed)
	}
	return err
}
