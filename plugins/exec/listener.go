package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/earshot-host/earshot/sdk"
)

// Listener runs one program for each event.
type Listener struct {
	name string
	cfg  *config
}

var (
	_ sdk.Listener   = (*Listener)(nil)
	_ sdk.Configurer = (*Listener)(nil)
	_ sdk.Checker    = (*Listener)(nil)
)

// Configure checks the block; it runs nothing.
func (l *Listener) Configure(_ context.Context, cfg sdk.Config) error {
	c, err := readConfig(cfg)
	if err != nil {
		return err
	}
	l.name, l.cfg = cfg.Listener, c
	return nil
}

// Check finds the program and does not run it.
func (l *Listener) Check(context.Context) error {
	_, err := l.cfg.program()
	return err
}

// Handle runs the program to its end, or to the end of ctx.
func (l *Listener) Handle(ctx context.Context, ev *sdk.Event) error {
	stop := stopAt(ctx)
	letter, err := l.envelope(ev, stop)
	if err != nil {
		return err
	}
	program, err := l.cfg.program()
	if err != nil {
		return sdk.Unavailable(err, 0)
	}
	if ev.DryRun && !l.cfg.DryRun {
		return nil
	}
	r := &run{
		program: program, args: l.cfg.Command[1:], dir: l.cfg.Dir,
		env: l.environ(ev, stop), stdin: letter, stop: stop,
		stdout: &answers{receipt: ev.Receipt, log: sdk.Logger(ctx)},
		stderr: &lines{log: sdk.Logger(ctx)},
	}
	end, err := r.run(ctx)
	if err != nil {
		return sdk.Unavailable(fmt.Errorf("start %s: %w", l.called(), err), 0)
	}
	answer := r.stdout.close()
	if answer.ExternalID != "" {
		ev.SetExternalID(answer.ExternalID)
	}
	return outcome(l.called(), end, answer, r.stderr.close())
}

// called is what the program is named in errors: arguments may hold secrets.
func (l *Listener) called() string { return filepath.Base(l.cfg.Command[0]) }
