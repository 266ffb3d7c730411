package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"github.com/earshot-host/earshot/sdk/client"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// The bare floor: claim, call, complete with nothing around it. No delivery
// rows, no leases, no fence, no receipts, no retries: what the database, the
// wire and two plugins take by themselves.

const (
	floorBatch   = 100
	floorFlight  = 32 // calls in flight to one plugin
	floorWorkers = 2
)

// floor drains n events of size bytes to two plugins.
func floor(ctx context.Context, r *rig, n, size int, batched bool) (d drained, err error) {
	if err := r.insert(ctx, n, size); err != nil {
		return d, err
	}
	cpu := ownCPU()
	name := "noop"
	if batched {
		name = "batch"
	}
	var clients []*plugin.Client
	var plugins []listenerv1.ListenerClient
	defer func() {
		for _, c := range clients {
			c.Kill()
		}
		d.host = (ownCPU() - cpu).Seconds() * 1000 / float64(n)
	}()
	for range 2 {
		c, rpc, err := bare(filepath.Join(r.dir, "plugins", pluginPrefix+name))
		if err != nil {
			return d, err
		}
		clients, plugins = append(clients, c), append(plugins, rpc)
	}
	var done atomic.Int64
	var failed error
	var once sync.Once
	start := time.Now()
	var workers sync.WaitGroup
	for range floorWorkers {
		workers.Go(func() {
			for {
				events, err := floorClaim(ctx, r)
				if err == nil {
					err = floorCall(ctx, plugins, events, batched)
				}
				if err == nil {
					err = floorComplete(ctx, r, events)
				}
				if err != nil {
					once.Do(func() { failed = err })
					return
				}
				if len(events) == 0 {
					return
				}
				done.Add(int64(len(events)))
			}
		})
	}
	workers.Wait()
	took := time.Since(start)
	if failed == nil && done.Load() != int64(n) {
		failed = fmt.Errorf("the floor drained %d of %d events", done.Load(), n)
	}
	return drained{rate: float64(n) / took.Seconds()}, failed
}

// ownCPU is what this process and those that it has waited for have used.
func ownCPU() time.Duration {
	var sum time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err == nil {
			sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
	}
	return sum
}

func bare(path string) (*plugin.Client, listenerv1.ListenerClient, error) {
	cmd := exec.Command(path)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=2")
	c := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: client.Handshake(), VersionedPlugins: client.Versions(), Cmd: cmd,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC}, Logger: hclog.NewNullLogger(), GRPCDialOptions: client.DialOptions(),
	})
	p, err := c.Client()
	if err != nil {
		return nil, nil, err
	}
	raw, err := p.Dispense(client.Plugin)
	if err != nil {
		c.Kill()
		return nil, nil, err
	}
	return c, raw.(listenerv1.ListenerClient), nil
}

func floorClaim(ctx context.Context, r *rig) (events []*listenerv1.Delivery, err error) {
	lock := " FOR UPDATE SKIP LOCKED"
	if r.driver == "sqlite" {
		lock = ""
	}
	tx, err := r.db.BeginTx(ctx, &sql.TxOptions{Isolation: r.isolation()})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ignoreDone(tx.Rollback())) }()
	rows, err := tx.QueryContext(ctx, `SELECT id, event_name, payload FROM event_queue
		WHERE status = 'pending' AND (scheduled_at IS NULL OR scheduled_at <= `+r.now()+`) ORDER BY scheduled_at, id LIMIT ?`+lock, floorBatch)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		d := &listenerv1.Delivery{}
		if err := rows.Scan(&d.EventId, &d.EventName, &d.Payload); err != nil {
			return nil, err
		}
		d.IdempotencyKey = fmt.Sprint(d.GetEventId())
		events = append(events, d)
	}
	if err := rows.Err(); err != nil || len(events) == 0 {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE event_queue SET status = 'processing' WHERE id IN ("+ids(events)+")"); err != nil {
		return nil, err
	}
	return events, tx.Commit()
}

func floorCall(ctx context.Context, plugins []listenerv1.ListenerClient, events []*listenerv1.Delivery, batched bool) error {
	var calls sync.WaitGroup
	var failed error
	var once sync.Once
	note := func(err error) {
		if err != nil {
			once.Do(func() { failed = err })
		}
	}
	for _, p := range plugins {
		if batched && len(events) > 0 {
			calls.Go(func() { note(callBatch(ctx, p, events)) })
			continue
		}
		next := make(chan *listenerv1.Delivery, len(events))
		for _, d := range events {
			next <- d
		}
		close(next)
		for range floorFlight / floorWorkers {
			calls.Go(func() {
				for d := range next {
					_, err := p.Handle(ctx, &listenerv1.HandleRequest{Delivery: d})
					note(err)
				}
			})
		}
	}
	calls.Wait()
	return failed
}

func callBatch(ctx context.Context, p listenerv1.ListenerClient, events []*listenerv1.Delivery) error {
	stream, err := p.HandleBatch(ctx, &listenerv1.HandleBatchRequest{Deliveries: events})
	if err != nil {
		return err
	}
	for range events {
		if _, err := stream.Recv(); err != nil {
			return err
		}
	}
	return nil
}

func floorComplete(ctx context.Context, r *rig, events []*listenerv1.Delivery) error {
	if len(events) == 0 {
		return nil
	}
	_, err := r.db.ExecContext(ctx, "UPDATE event_queue SET status = 'processed', processed_at = "+r.now()+" WHERE id IN ("+ids(events)+")")
	return err
}

func ids(events []*listenerv1.Delivery) string {
	out := make([]string, len(events))
	for i, d := range events {
		out[i] = fmt.Sprint(d.GetEventId())
	}
	return strings.Join(out, ",")
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

func (r *rig) isolation() sql.IsolationLevel {
	if r.driver == "sqlite" {
		return sql.LevelDefault
	}
	return sql.LevelReadCommitted
}

func (r *rig) now() string {
	if r.driver == "sqlite" {
		return "strftime('%Y-%m-%d %H:%M:%f', 'now')"
	}
	return "NOW(6)"
}
