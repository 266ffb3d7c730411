package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"

	"github.com/earshot-host/earshot/host/chaos/check"
)

// result is one line of the file of results.
type result struct {
	Seed   uint64
	Commit string
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
	line, err := json.Marshal(result{r.opt.seed, strings.TrimSpace(string(commit)), r.journal.counts(), report})
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
