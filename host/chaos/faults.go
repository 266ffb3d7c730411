package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/earshot-host/earshot/host/chaos/check"
)

// breaker breaks one thing after the other, by seed.
type breaker struct {
	r      *rig
	random *rand.Rand
	// long are the faults that last, so that all are over when run returns.
	long sync.WaitGroup
	// database is held by the fault that has the database down, and for a
	// moment after it: others that come meanwhile are not made.
	database sync.Mutex
	reloads  int
}

// faultKinds are the faults of a run that asks for none: all that need neither
// root nor a library nor a cluster.
var faultKinds = []check.Kind{
	check.HostKill, check.HostStop, check.HostTerm, check.PluginKill, check.PluginStop, check.PluginSwap, check.Reload,
	check.DBKill, check.DBStop, check.Cut, check.HalfOpen, check.Slow,
}

func (r *rig) wants(kind check.Kind) bool { return slices.Contains(r.opt.faults, kind) }

// run breaks things until ctx ends, and returns when the last fault is over.
func (b *breaker) run(ctx context.Context) {
	for ctx.Err() == nil {
		pause(ctx, time.Duration(b.random.ExpFloat64()*float64(b.r.opt.every)))
		if ctx.Err() == nil && len(b.r.opt.faults) > 0 {
			b.one(ctx, b.r.opt.faults[b.random.IntN(len(b.r.opt.faults))])
		}
	}
	b.long.Wait()
}

// one makes one fault. All random choices are made here and not in goroutines.
func (b *breaker) one(ctx context.Context, kind check.Kind) {
	h := b.r.fleet.hosts[b.random.IntN(len(b.r.fleet.hosts))]
	span := time.Duration(b.random.Int64N(int64(2 * lease)))
	luck := b.random.Int()
	lasting := func(f func()) { b.long.Go(f) }
	switch kind {
	case check.HostKill:
		b.signal(h.process(), kind, syscall.SIGKILL)
	case check.HostTerm:
		b.signal(h.process(), kind, syscall.SIGTERM)
	case check.HostStop:
		pid := h.process()
		lasting(func() { b.freeze(ctx, pid, kind, span) })
	case check.PluginKill:
		b.signal(pick(h.plugins(), luck), kind, syscall.SIGKILL)
	case check.PluginStop:
		pid := pick(h.plugins(), luck)
		lasting(func() { b.freeze(ctx, pid, kind, span) })
	case check.PluginSwap:
		b.swap(luck)
	case check.Reload:
		b.reload(h, luck)
	case check.DBKill, check.NodeKill:
		lasting(func() { b.killDatabase(ctx, kind, luck, span/4) })
	case check.DBStop:
		lasting(func() { b.freezeDatabase(ctx, luck, span) })
	case check.Cut:
		b.cut(luck)
	case check.HalfOpen:
		lasting(func() { b.halfOpen(ctx, h, span) })
	case check.Slow:
		lasting(func() { b.slow(ctx, h, span) })
	case check.DiskFull:
		lasting(func() { b.fillDisk(ctx, span/2) })
	case check.Clock:
		lasting(func() { b.moveClock(ctx, luck, span) })
	default:
		b.r.say("there is no fault %q; there are: %v, disk-full, clock, node-kill", kind, faultKinds)
	}
}

func pick(pids []int, luck int) int {
	if len(pids) == 0 {
		return 0
	}
	return pids[luck%len(pids)]
}

func (b *breaker) signal(pid int, kind check.Kind, sig syscall.Signal) {
	if pid == 0 {
		return
	}
	end := b.r.journal.begin(kind, pid)
	_ = syscall.Kill(pid, sig) // it may have ended by itself
	end()
}

// freeze stops a process in the middle of whatever it does.
func (b *breaker) freeze(ctx context.Context, pid int, kind check.Kind, span time.Duration) {
	if pid == 0 {
		return
	}
	end := b.r.journal.begin(kind, pid)
	_ = syscall.Kill(pid, syscall.SIGSTOP) // it may have ended by itself
	pause(ctx, span)
	_ = syscall.Kill(pid, syscall.SIGCONT)
	end()
}

// swap replaces a plugin's binary, as an upgrade does.
func (b *breaker) swap(luck int) {
	end := b.r.journal.begin(check.PluginSwap, 0)
	if err := b.r.installPlugin([]string{"ledger", "bulk"}[luck%2]); err != nil {
		b.r.say("replace plugin: %v", err)
	}
	end()
}

// reload changes events.yaml; one time in four it is a broken file first.
func (b *breaker) reload(h *host, luck int) {
	end := b.r.journal.begin(check.Reload, 0)
	defer end()
	b.reloads++
	if luck%4 == 0 {
		if err := b.r.replaceEvents("version: 1\nlisteners: {plain: {plugn: ledger}}\n"); err != nil {
			b.r.say("break events.yaml: %v", err)
		}
		h.signal(syscall.SIGHUP)
	}
	if err := b.r.writeEvents(b.reloads); err != nil {
		b.r.say("replace events.yaml: %v", err)
	}
	h.signal(syscall.SIGHUP)
}

// cut resets the connections of one host, or of all.
func (b *breaker) cut(luck int) {
	hosts := b.r.fleet.hosts
	if luck%4 > 0 {
		i := luck / 4 % len(hosts)
		hosts = hosts[i : i+1]
	}
	for _, h := range hosts {
		end := b.r.journal.begin(check.Cut, h.process())
		h.proxy.Cut()
		end()
	}
}

// halfOpen lets a host's connections hang, and cuts them in the end, as
// routers do that have forgotten a connection.
func (b *breaker) halfOpen(ctx context.Context, h *host, span time.Duration) {
	end := b.r.journal.begin(check.HalfOpen, 0)
	h.proxy.Hang()
	pause(ctx, span)
	h.proxy.Cut()
	h.proxy.Flow()
	end()
}

func (b *breaker) slow(ctx context.Context, h *host, span time.Duration) {
	end := b.r.journal.begin(check.Slow, 0)
	h.proxy.Delay(span / 50)
	pause(ctx, span)
	h.proxy.Delay(0)
	end()
}

// killDatabase kills a server and starts it again after a while.
func (b *breaker) killDatabase(ctx context.Context, kind check.Kind, luck int, span time.Duration) {
	if !b.database.TryLock() {
		return
	}
	defer b.database.Unlock()
	server := b.r.servers[luck%len(b.r.servers)]
	end := b.r.journal.begin(kind, 0)
	if err := server.Kill(); err != nil {
		b.r.say("kill the database: %v", err)
	}
	pause(ctx, span)
	// Also when the run is over: the queue must come to rest.
	if err := server.Start(context.WithoutCancel(ctx)); err != nil {
		b.r.say("start the database again: %v", err)
	}
	end()
	// Something must be going on when it is killed the next time.
	pause(ctx, span/2)
}

func (b *breaker) freezeDatabase(ctx context.Context, luck int, span time.Duration) {
	if !b.database.TryLock() {
		return
	}
	defer b.database.Unlock()
	server := b.r.servers[luck%len(b.r.servers)]
	end := b.r.journal.begin(check.DBStop, 0)
	defer end()
	if err := server.Freeze(); err != nil {
		b.r.say("freeze the database: %v", err)
	}
	pause(ctx, span)
	if err := server.Thaw(); err != nil {
		b.r.say("thaw the database: %v", err)
	}
}

// checkFaults says what is wrong with the faults that were asked for.
func checkFaults(opt options) error {
	for _, kind := range opt.faults {
		known := slices.Contains(faultKinds, kind) || kind == check.DiskFull || kind == check.Clock || kind == check.NodeKill
		if !known {
			return fmt.Errorf("there is no fault %q; there are: %v, disk-full, clock, node-kill", kind, faultKinds)
		}
	}
	return nil
}
