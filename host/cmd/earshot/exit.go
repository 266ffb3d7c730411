package main

import (
	"errors"

	"github.com/earshot-host/earshot/host/internal/app"
	"github.com/earshot-host/earshot/host/internal/queue"
	"github.com/earshot-host/earshot/host/internal/registry"
)

// Exit codes. A code that is not listed means failure too.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitConfig      = 3
	exitDatabase    = 4
	exitSchema      = 5
	exitPlugin      = 6
	exitPartly      = 7
	exitNotFound    = 9
	exitINT         = 130
	exitTERM        = 143
	exitCodeHelpTxt = `Exit codes: 0 done, 1 failed, 2 usage, 3 configuration, 4 database, 5 schema,
6 plugin, 7 partly failed, 8 already running, 9 not found, 130 and 143 stopped by a signal.`
)

// coded is an error whose exit code is decided where it arises.
type coded struct {
	code int
	error
}

func (c coded) Unwrap() error { return c.error }

func usage(err error) error { return coded{exitUsage, err} }

func codeOf(err error) int {
	var c coded
	var config *registry.Errors
	switch {
	case errors.As(err, &c):
		return c.code
	case errors.As(err, &config):
		return exitConfig
	case errors.Is(err, app.ErrPlugin):
		return exitPlugin
	case errors.Is(err, queue.ErrUnreachable):
		return exitDatabase
	case errors.Is(err, queue.ErrSchema):
		return exitSchema
	case errors.Is(err, queue.ErrNotFound), errors.Is(err, app.ErrNoListener):
		return exitNotFound
	}
	return exitFailed
}
