package main

import (
	"io"
	"time"

	"github.com/earshot-host/earshot/host/chaos/check"
)

// options of one run.
type options struct {
	seed   uint64
	faults []check.Kind
	length time.Duration
	every  time.Duration
	events int
	// services run until they are stopped, crons once, again and again.
	services, crons int
	nodes           int
	dir             string
	results         string
	// overlay is for go build: files of the product that are replaced.
	overlay string
	// mutant is part of the names of the mutants to run; empty is all.
	mutant string
	log    io.Writer
}

// lease is short, so that dead hosts' work is soon taken up again: it is the
// shortest that host.yaml allows.
const lease = 5 * time.Second

// Retries are quick too; events.yaml and the checker must agree on their number.
const maxAttempts = 4
