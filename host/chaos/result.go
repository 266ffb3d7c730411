package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/earshot-host/earshot/host/chaos/check"
)

// result is one line of the file of results.
type result struct {
	Seed   uint64
	Commit string
	Nodes  int
	// Asked are the faults that were to be made, Faults those that were.
	Asked  []check.Kind
	Faults map[check.Kind]int
	Report *check.Report
}

// addResult writes a run down, if asked to, for RELIABILITY.md.
func (r *rig) addResult(report *check.Report) error {
	if r.opt.results == "" {
		return nil
	}
	commit, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		commit = []byte("unknown")
	}
	line, err := json.Marshal(result{r.opt.seed, strings.TrimSpace(string(commit)), r.opt.nodes, r.opt.faults, r.journal.counts(), report})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(r.opt.results, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

// row sums up the runs that were started alike.
type row struct {
	command                                      string
	runs, events, lost, duplicates, other, stuck int
	unexplained                                  int
	faults                                       map[check.Kind]int
}

// table prints a file of results as the table of RELIABILITY.md.
func table(in io.Reader, out io.Writer) error {
	var rows []*row
	for lines := json.NewDecoder(in); ; {
		var res result
		if err := lines.Decode(&res); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("read results: %w", err)
		}
		rows = add(rows, res)
	}
	fmt.Fprintln(out, "| command | runs | events | faults made | lost | duplicates | unexplained | stuck | other breaches |")
	fmt.Fprintln(out, "|---|---:|---:|---|---:|---:|---:|---:|---:|")
	for _, r := range rows {
		fmt.Fprintf(out, "| `%s` | %d | %d | %s | %d | %d | %d | %d | %d |\n",
			r.command, r.runs, r.events, counted(r.faults), r.lost, r.duplicates, r.unexplained, r.stuck, r.other)
	}
	return nil
}

func add(rows []*row, res result) []*row {
	command := commandOf(res)
	i := slices.IndexFunc(rows, func(r *row) bool { return r.command == command })
	if i < 0 {
		i = len(rows)
		rows = append(rows, &row{command: command, faults: make(map[check.Kind]int)})
	}
	r, report := rows[i], res.Report
	r.runs++
	r.events += report.Events
	r.duplicates += report.Duplicates
	for kind, n := range res.Faults {
		r.faults[kind] += n
	}
	for rule, n := range report.Broken {
		switch rule {
		case check.Lost:
			r.lost += n
		case check.Unexplained:
			r.unexplained += n
		case check.Stuck:
			r.stuck += n
		default:
			r.other += n
		}
	}
	return rows
}

// commandOf is what makes a run of the same kind.
func commandOf(res result) string {
	target := "chaos"
	if res.Nodes > 1 {
		target = "cluster"
	}
	if slices.Equal(res.Asked, faultKinds) {
		return "make " + target
	}
	var names []string
	for _, kind := range res.Asked {
		names = append(names, string(kind))
	}
	return fmt.Sprintf(`make %s CHAOS="-faults %s"`, target, strings.Join(names, ","))
}

func counted(faults map[check.Kind]int) string {
	var parts []string
	for kind, n := range faults {
		parts = append(parts, fmt.Sprintf("%d %s", n, kind))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
