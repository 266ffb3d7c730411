package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/earshot-host/earshot/sdk"
)

// config is the block of events.yaml.
type config struct {
	// Command is the program and its arguments, one by one: no shell reads them.
	// A program with a slash in it starts at Dir, one without is looked for in PATH.
	Command []string `json:"command" jsonschema:"required,minItems=1"`
	// Dir is where the program runs; empty and relative ones start at the
	// folder of events.yaml.
	Dir string `json:"dir"`
	// DryRun runs the program for dry runs too, with DRY_RUN=1: it knows what to leave out.
	DryRun bool `json:"dry_run"`
}

func readConfig(cfg sdk.Config) (*config, error) {
	c := &config{}
	if err := cfg.Decode(c); err != nil {
		return nil, err
	}
	var faults []error
	if len(c.Command) == 0 || c.Command[0] == "" {
		faults = append(faults, sdk.At("command", errors.New("is missing: name the program and its arguments, such as [php, notify.php]")))
	}
	for i, word := range c.Command {
		if strings.ContainsRune(word, 0) {
			faults = append(faults, sdk.At(fmt.Sprintf("command[%d]", i), errors.New("holds a NUL, which no argument can")))
		}
	}
	if !filepath.IsAbs(c.Dir) {
		c.Dir = filepath.Join(cfg.Dir, c.Dir)
	}
	return c, errors.Join(faults...)
}

// program is the file to run. It is looked for each time, so that one that is
// installed later needs no restart.
func (c *config) program() (string, error) {
	if info, err := os.Stat(c.Dir); err != nil || !info.IsDir() {
		return "", fmt.Errorf("the folder to run in, %s, is not there: make it, or correct dir", c.Dir)
	}
	name := c.Command[0]
	if strings.ContainsRune(name, filepath.Separator) && !filepath.IsAbs(name) {
		name = filepath.Join(c.Dir, name)
	}
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	var reason *exec.Error
	if errors.As(err, &reason) {
		err = reason.Err
	}
	return "", fmt.Errorf("the program %s cannot be run: %w; install it, make it executable, or correct command", name, err)
}
