package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/earshot-host/earshot/host/chaos/check"
)

// run makes one run and checks it. The folder stays when a promise was broken.
func run(ctx context.Context, opt options) (_ *check.Report, err error) {
	if opt.faults == nil {
		opt.faults = faultKinds
	}
	if err := checkFaults(opt); err != nil {
		return nil, err
	}
	start := time.Now()
	r, err := newRig(ctx, opt)
	if err != nil {
		return nil, err
	}
	r.say("seed %d: %d events, faults %v for %s in %s", opt.seed, opt.events, opt.faults, opt.length, r.dir)
	h, err := r.live(ctx)
	if err = errors.Join(err, r.close()); err != nil {
		return nil, err
	}
	report := check.Check(h)
	r.say("seed %d: %v, %s", opt.seed, r.journal.counts(), time.Since(start).Round(time.Second))
	report.Print(opt.log)
	if report.OK() {
		err = os.RemoveAll(r.dir)
	} else {
		r.say("ledgers, logs and tables are kept in %s", r.dir)
	}
	return report, errors.Join(err, r.addResult(report))
}

// live produces and breaks, lets the queue come to rest, and gathers the records.
func (r *rig) live(ctx context.Context) (*check.History, error) {
	p := &producer{r: r}
	o := &observer{r: r}
	b := &breaker{r: r, random: rand.New(rand.NewPCG(r.opt.seed, 1<<32))}

	running, stop := context.WithCancel(ctx)
	defer stop()
	breaking, mend := context.WithTimeout(ctx, r.opt.length)
	defer mend()
	var aside, acting sync.WaitGroup
	aside.Go(func() { o.run(running) })
	aside.Go(func() { r.operate(running) })
	acting.Go(func() { b.run(breaking) })
	err := p.run(ctx)
	acting.Wait()
	if err != nil {
		return nil, fmt.Errorf("produce events: %w", err)
	}
	err = r.settle(ctx)
	stop()
	aside.Wait()
	if err != nil {
		return nil, err
	}
	// Ledgers are complete when their processes have ended.
	if err := r.fleet.close(); err != nil {
		return nil, err
	}
	return r.history(ctx, p, o)
}
