package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// topics are what help explains beside commands.
func topics() []*cobra.Command {
	return []*cobra.Command{
		{Use: "output", Short: "How results are printed, and what programs may rely on", Long: `Results are on stdout, everything else on stderr.

-o table   for people: columns, times in UTC or with --time relative, long texts
           cut. It may change at any time.
-o json    one value. Lists are arrays, one thing is an object.
-o jsonl   one object per line: for lists, and for more than fits in memory.

JSON is for programs: names in snake_case, times in RFC 3339 and UTC, durations
in seconds. Names and values are never translated. New names may come with any
version; none goes away or changes its meaning without a new major version.

Counts of a big table stop: 10000 by listener, 100000 by status. A count that
reaches its end means at least as many; tables print it with a +.

Texts of payloads are hidden, as "•••", unless --reveal is given.

Colours are for terminals, and for nobody who has set NO_COLOR or TERM=dumb.
--lang, or else $LC_ALL, $LC_MESSAGES and $LANG, chooses English or pt-BR.`},
		{Use: "exit-codes", Short: "What the exit codes mean", Long: `A code that is not listed means failure too.

  0    done
  1    failed
  2    the command line is wrong
  3    host.yaml or events.yaml has a mistake
  4    the database cannot be reached, or refuses
  5    the tables are missing or too old
  6    a plugin is missing or does not work
  7    partly done: the message says how far
  8    already running
  9    not found
  130  stopped by SIGINT
  143  stopped by SIGTERM`},
		{Use: "filters", Short: "How events are picked", Long: filterHelp + `

  --status failed,processing     by status
  --event 'appointment.*'        by name; * stands for the rest, at the end
  --listener email               told to this listener, whatever came of it
  --listener email --state dead  given up by this listener
  --since 2h --until 30m         written in this time
  --error 'no such mailbox'      by a part of the error; letters' case does not matter
  --id 100..200                  by id, both ends included
  --match customer.email=ana@example.com
                                 by a field of the payload: dots go into objects
                                 and lists (items.0.sku); the value must be the
                                 whole one. It reads payloads, and so takes time.

The same flags work for: queue list, export, retry and discard. What changes
something shows how many events match first, and asks; --yes does not ask, and
--dry-run only shows.`},
	}
}

// flagError adds to a mistyped flag the one that was probably meant.
func flagError(cmd *cobra.Command, err error) error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "unknown flag: --"); ok {
		var words []string
		add := func(f *pflag.Flag) {
			if !f.Hidden {
				words = append(words, f.Name)
			}
		}
		cmd.Flags().VisitAll(add)
		cmd.InheritedFlags().VisitAll(add)
		text += hint(name, words)
	}
	return usage(fmt.Errorf("%s; see: %s --help", text, cmd.CommandPath()))
}
