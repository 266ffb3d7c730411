package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/earshot-host/earshot/host/chaos/check"
	"github.com/earshot-host/earshot/sdk"
)

// Listener is the plugin. Its zero value waits to be configured.
type Listener struct {
	cfg      config
	listener string
	host     int
	start    int64
	file     *file
	calls    atomic.Int64

	mu     sync.Mutex
	random *rand.Rand
}

// config says where the ledger is kept and which share of calls goes wrong.
type config struct {
	Dir  string `json:"dir"`
	Seed uint64 `json:"seed"`
	// Work is how long a call takes at most, in milliseconds.
	Work int `json:"work"`
	// Shares of all calls, 0 to 1.
	Retry   float64 `json:"retry"`
	Reject  float64 `json:"reject"`
	Skip    float64 `json:"skip"`
	Crash   float64 `json:"crash"`
	Hang    float64 `json:"hang"`
	Partial float64 `json:"partial"`
	Slow    float64 `json:"slow"`
}

var (
	_ sdk.Configurer = (*Listener)(nil)
	_ sdk.Closer     = (*Listener)(nil)
)

// Configure implements sdk.Configurer.
func (l *Listener) Configure(_ context.Context, cfg sdk.Config) error {
	if err := cfg.Decode(&l.cfg); err != nil {
		return err
	}
	l.listener = cfg.Listener
	// Now, since a process whose host has died gets another parent.
	l.host, l.start = os.Getppid(), time.Now().UnixNano()
	l.random = rand.New(rand.NewPCG(l.cfg.Seed, uint64(os.Getpid())))
	return nil
}

// Close implements sdk.Closer.
func (l *Listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	return l.file.close()
}

// open makes the process's ledger at its first call: a configuration may be
// tried out and thrown away.
func (l *Listener) open() (*file, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		f, err := openFile(filepath.Join(l.cfg.Dir, fmt.Sprintf("%s-%d-%d.jsonl", l.listener, os.Getpid(), l.start)))
		if err != nil {
			return nil, err
		}
		l.file = f
	}
	return l.file, nil
}

// people are those whom one event is sent to where a listener tells several.
var people = []string{"p1", "p2", "p3", "p4", "p5"}

// Handle implements sdk.Listener.
func (l *Listener) Handle(ctx context.Context, ev *sdk.Event) error {
	f, err := l.open()
	if err != nil {
		return fmt.Errorf("open ledger: %w", err)
	}
	var payload struct {
		Appointment struct {
			ID string `json:"id"`
		} `json:"appointment"`
	}
	if err := json.Unmarshal(ev.Payload, &payload); err != nil {
		return sdk.Permanent(err)
	}
	call := l.calls.Add(1)
	begin := line{
		Call: call, At: time.Now().UnixNano(), PID: os.Getpid(), Host: l.host, Process: l.start, Event: ev.ID, Listener: l.listener,
		Key: ev.IdempotencyKey, Attempt: ev.Attempt, Redelivered: ev.Redelivered, Order: payload.Appointment.ID,
	}
	for _, p := range people {
		if ev.Done(p) {
			begin.Had = append(begin.Had, p)
		}
	}
	if err := f.append(begin); err != nil {
		return err
	}
	outcome, told := l.act(ctx, ev)
	if err := f.append(line{Call: call, At: time.Now().UnixNano(), PID: os.Getpid(), Outcome: outcome, Told: told}); err != nil {
		return err
	}
	return answer(outcome)
}

func answer(o check.Outcome) error {
	switch o {
	case check.Delivered:
		return nil
	case check.Skipped:
		return sdk.Skip("nothing to tell")
	case check.Rejected:
		return sdk.Permanent(errors.New("nobody of that name"))
	case check.Crashed:
		// SIGKILL and not exit: nothing is put away, and nobody is told.
		return syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	return errors.New("the provider is busy")
}

// Calm makes all listeners with their ledgers in dir behave from now on, so
// that a queue can come to rest.
func Calm(dir string) error { return os.WriteFile(filepath.Join(dir, calm), nil, 0o600) }

const calm = "calm"

// act does the work, well or badly.
func (l *Listener) act(ctx context.Context, ev *sdk.Event) (check.Outcome, []string) {
	luck, work, count := l.draw()
	if _, err := os.Stat(filepath.Join(l.cfg.Dir, calm)); err == nil {
		pause(ctx, work)
		return check.Delivered, nil
	}
	below := func(share float64) bool {
		luck -= share
		return luck < 0
	}
	switch {
	case below(l.cfg.Partial):
		return tell(ev, count)
	case below(l.cfg.Hang):
		<-ctx.Done()
	case below(l.cfg.Slow):
		pause(ctx, 100*work)
	default:
		pause(ctx, work)
	}
	switch {
	case ctx.Err() != nil:
		return check.Cancelled, nil
	case below(l.cfg.Crash):
		return check.Crashed, nil
	case below(l.cfg.Retry):
		return check.Retried, nil
	case below(l.cfg.Reject):
		return check.Rejected, nil
	case below(l.cfg.Skip):
		return check.Skipped, nil
	}
	return check.Delivered, nil
}

// tell tells some of the people and then fails.
func tell(ev *sdk.Event, count int) (check.Outcome, []string) {
	var told []string
	for _, p := range people {
		if len(told) < count && !ev.Done(p) {
			ev.Receipt(p, "")
			told = append(told, p)
		}
	}
	if told == nil {
		return check.Delivered, nil
	}
	return check.Retried, told
}

func (l *Listener) draw() (luck float64, work time.Duration, count int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.random.Float64(), time.Duration(l.random.IntN(1000*l.cfg.Work+1)) * time.Microsecond, 1 + l.random.IntN(3)
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	if d == 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
