package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/earshot-host/earshot/host/internal/queue"
	"github.com/earshot-host/earshot/host/internal/testdb"
)

// TestBulkThatBreaksGoesOn stops a retry of 1200 events after the first 500,
// and calls it again.
func TestBulkThatBreaksGoesOn(t *testing.T) {
	db := testdb.SQLite(t)
	t.Chdir(t.TempDir())
	t.Setenv("EARSHOT_DATABASE_DSN", db.DSN)
	ask(t, "migrate", "up")
	app := db.Open(t)
	var values []string
	for range 1200 {
		values = append(values, "('a', '{}', 'failed')")
	}
	if _, err := app.Exec("INSERT INTO event_queue (event_name, payload, status) VALUES " + strings.Join(values, ",")); err != nil {
		t.Fatal(err)
	}
	retry := func(breakAt int) (string, string, error) {
		c := &cli{output: "table", times: "iso", overrides: map[string]*string{}}
		calls := 0
		b := &bulk{c: c, yes: true, said: "%d of %d"}
		b.do = func(ctx context.Context, s *queue.Store, ids []int64) ([]int64, error) {
			if calls++; calls == breakAt {
				return nil, errors.New("the disk is full")
			}
			return s.Retry(ctx, ids, queue.Retry{})
		}
		var out, errs bytes.Buffer
		cmd := newRoot(t.Context())
		cmd.SetOut(&out)
		cmd.SetErr(&errs)
		err := b.run(cmd, nil, queue.Filter{Status: []string{"failed"}}, true)
		return out.String(), errs.String(), err
	}
	_, progress, err := retry(2)
	if err == nil || codeOf(err) != exitPartly || err.Error() != "stopped after 500 events; the same command goes on from there: the disk is full" {
		t.Errorf("error = %v, want exit %d and how far it came", err, exitPartly)
	}
	if !strings.Contains(progress, "500 of 1200 events") {
		t.Errorf("progress = %q", progress)
	}
	if out, _, err := retry(0); err != nil || out != "700 of 700\n" {
		t.Errorf("called again: %q, %v, want the 700 that were left", out, err)
	}
	var n int
	if err := app.QueryRow("SELECT COUNT(*) FROM event_queue WHERE status = 'pending'").Scan(&n); err != nil || n != 1200 {
		t.Errorf("%d events are sent again, %v, want all", n, err)
	}
}

// until ends a context at the first text that is written.
type until struct {
	bytes.Buffer
	end context.CancelFunc
}

func (u *until) Write(p []byte) (int, error) {
	defer u.end()
	return u.Buffer.Write(p)
}

func TestWatchShowsStatsUntilItIsStopped(t *testing.T) {
	for _, form := range []string{"table", "jsonl"} {
		seedQueue(t, testdb.SQLite(t))
		ctx, cancel := context.WithCancel(t.Context())
		out := &until{end: cancel}
		cmd := newRoot(ctx)
		cmd.SetOut(out)
		cmd.SetErr(out)
		cmd.SetArgs([]string{"queue", "watch", "--interval", "1h", "-o", form})
		err := cmd.ExecuteContext(ctx)
		if want := map[string]string{"table": "pending", "jsonl": `"events":{`}[form]; !errors.Is(err, context.Canceled) || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %v, %s, want %s until it was stopped", form, err, out.String(), want)
		}
		cancel()
	}
	if _, err := answer(t, "queue", "watch", "--interval", "1ms"); err == nil || codeOf(err) != exitUsage {
		t.Errorf("error = %v, want a usage error", err)
	}
}
