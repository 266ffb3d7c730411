package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// producer inserts events as applications do, with plain SQL in transactions
// of their own, and notes which of them were committed.
type producer struct {
	r *rig

	mu sync.Mutex
	// committed by serial number; false is a commit that was never answered.
	committed map[string]bool
	// serials in the order of production.
	serials []string
}

// writers is how many connections produce at once. Each has its own ordering
// keys, so that the order of one key's events is known.
const (
	writers       = 4
	keysPerWriter = 200
	maxBurst      = 40
)

// run produces all events, evenly over the time that things break.
func (p *producer) run(ctx context.Context) error {
	p.committed = make(map[string]bool)
	errs := make([]error, writers)
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() { errs[w] = p.write(ctx, w, p.r.opt.events/writers) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func (p *producer) write(ctx context.Context, writer, events int) error {
	random := rand.New(rand.NewPCG(p.r.opt.seed, uint64(writer)))
	db, err := p.r.servers[writer%len(p.r.servers)].Open(database)
	if err != nil {
		return err
	}
	defer db.Close()
	start := time.Now()
	for made := 0; made < events; {
		due := time.Duration(float64(p.r.opt.length) * float64(made) / float64(events))
		pause(ctx, due-time.Since(start))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		burst := make([]produced, min(1+random.IntN(maxBurst), events-made))
		for i := range burst {
			burst[i] = newProduced(random, writer, made+i)
		}
		committed, err := insert(ctx, db, burst)
		if err != nil && !committed {
			// Nothing was inserted; the same events are tried again.
			pause(ctx, 100*time.Millisecond)
			continue
		}
		p.note(burst, err == nil)
		made += len(burst)
	}
	return nil
}

// produced is one event to insert.
type produced struct{ serial, name, payload string }

func newProduced(random *rand.Rand, writer, number int) produced {
	e := produced{serial: fmt.Sprintf("w%d-%d", writer, number)}
	luck := random.IntN(100)
	for _, rt := range routes {
		e.name = rt.name
		if luck -= rt.share; luck < 0 {
			break
		}
	}
	e.payload = fmt.Sprintf(`{"serial": %q, "appointment": {"id": "w%d-k%d"}}`, e.serial, writer, random.IntN(keysPerWriter))
	return e
}

// insert writes a burst in one transaction. With an error, committed says that
// the commit was sent, and nobody knows what became of it.
func insert(ctx context.Context, db *sql.DB, burst []produced) (committed bool, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	args := make([]any, 0, 2*len(burst))
	for _, e := range burst {
		args = append(args, e.name, e.payload)
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO event_queue (event_name, payload) VALUES (?, ?)"+strings.Repeat(", (?, ?)", len(burst)-1), args...)
	if err != nil {
		return false, errors.Join(err, tx.Rollback())
	}
	return true, tx.Commit()
}

func (p *producer) note(burst []produced, committed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range burst {
		p.committed[e.serial] = committed
		p.serials = append(p.serials, e.serial)
	}
}
