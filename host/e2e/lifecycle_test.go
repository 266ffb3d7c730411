package e2e

import (
	"bufio"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/earshot-host/earshot/host/internal/testdb"
)

// An event that takes the plugin down is found and set apart: those that were
// in flight beside it are delivered.
func TestPoisonIsIsolated(t *testing.T) {
	h := newHost(t, testdb.SQLite(t))
	ledger := h.path("ledger.jsonl")
	h.events(`listeners:
  ledger:
    plugin: ledger
    concurrency: 4
    config: {path: ` + ledger + `, bad: poison, until: ` + h.path("never") + `}
    retry: {first: 1s, factor: 1, jitter: 0}
events:
  order.paid: [ledger]
`)
	var neighbours []int64
	for range 3 {
		neighbours = append(neighbours, h.insert("order.paid", `{}`))
	}
	poison := h.insert("order.paid", `{"name": "poison"}`)
	for range 3 {
		neighbours = append(neighbours, h.insert("order.paid", `{}`))
	}
	s := h.start()
	eventually(t, "the poison is given up and its neighbours are delivered", func() bool {
		status, _ := h.event(poison)
		return status == "failed" && h.count("SELECT COUNT(*) FROM event_queue WHERE status = 'processed'") == len(neighbours)
	})
	if _, reason := h.event(poison); !strings.Contains(reason, "3 times") || !strings.Contains(reason, "exit code 3") {
		t.Errorf("reason is %q, want how often and how the plugin ended", reason)
	}
	s.signal(syscall.SIGTERM)
	s.wait()
}

// A plugin that keeps ending is left alone, also by runs for cron that begin
// anew each minute, and no attempt is spent on it.
func TestCrashLoopIsHeldOverCronRuns(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db testdb.DB) {
		h := newHost(t, db)
		ledger := h.path("ledger.jsonl")
		h.events(`listeners:
  ledger:
    plugin: ledger
    concurrency: 1
    config: {path: ` + ledger + `, bad: exit, until: ` + h.path("mended") + `}
    retry: {first: 1s, factor: 1, jitter: 0}
events:
  order.paid: [ledger]
`)
		for range 12 {
			h.insert("order.paid", `{}`)
		}
		eventually(t, "the listener is held", func() bool {
			h.run("process_events", "20")
			return h.count("SELECT COUNT(*) FROM event_listeners WHERE held_until IS NOT NULL AND reason LIKE '%crash%'") == 1
		})
		begun := len(entries(t, ledger, "begin"))
		for range 3 {
			h.run("process_events", "20")
		}
		if n := len(entries(t, ledger, "begin")); n != begun {
			t.Errorf("a held listener was called %d times more", n-begun)
		}
		if n := h.count("SELECT COUNT(*) FROM event_deliveries WHERE attempts > 0"); n != 0 {
			t.Errorf("%d deliveries have spent attempts on a plugin that cannot live", n)
		}
		if out := h.mustRun("listener", "list"); !strings.Contains(out, "held") {
			t.Errorf("listener list does not say so:\n%s", out)
		}
	})
}

// Service managers send SIGTERM to host and plugins at the same moment: the
// call in flight still ends well.
func TestTermToAllProcesses(t *testing.T) {
	h := newHost(t, testdb.SQLite(t))
	ledger := h.path("ledger.jsonl")
	h.events(`listeners:
  ledger: {plugin: ledger, concurrency: 1, config: {path: ` + ledger + `, bad: block, until: ` + h.path("go") + `}}
events:
  order.paid: [ledger]
`)
	id := h.insert("order.paid", `{}`)
	h.insert("order.paid", `{}`)
	s := h.start()
	eventually(t, "the call has begun", func() bool { return len(entries(t, ledger, "begin")) == 1 })
	plugin := entries(t, ledger, "begin")[0].PID
	for range 2 {
		if err := syscall.Kill(plugin, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	s.signal(syscall.SIGTERM)
	eventually(t, "what was not begun is given back", func() bool {
		return h.count("SELECT COUNT(*) FROM event_deliveries WHERE state = 'open' AND token IS NULL")+
			h.count("SELECT COUNT(*) FROM event_queue WHERE status = 'pending'") == 1
	})
	touch(t, h.path("go"))
	if code := s.wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if status, reason := h.event(id); status != "processed" || len(entries(t, ledger, "begin")) != 1 {
		t.Errorf("event is %s %q after %d calls, want processed after one", status, reason, len(entries(t, ledger, "begin")))
	}
	if alive(plugin) {
		t.Error("the plugin outlived its host")
	}
}

// Reloads while events stream through lose none and send none twice.
func TestReloadUnderLoad(t *testing.T) {
	h := newHost(t, testdb.SQLite(t))
	ledger := h.path("ledger.jsonl")
	route := func(version int) string {
		return fmt.Sprintf("listeners:\n  ledger: {plugin: ledger, env: {V: v%d}, config: {path: %s}}\nevents: {order.paid: [ledger]}\n", version, ledger)
	}
	h.events(route(0))
	h.insert("order.paid", `{}`)
	s := h.start()
	eventually(t, "the host works", func() bool { return len(entries(t, ledger, "done")) == 1 })
	const reloads, each = 4, 25
	for v := 1; v <= reloads; v++ {
		for range each {
			h.insert("order.paid", `{}`)
		}
		h.events(route(v))
		s.signal(syscall.SIGHUP)
		eventually(t, "the file is reloaded", func() bool { return strings.Count(s.log.String(), "events.yaml was reloaded") == v })
	}
	eventually(t, "all is done", func() bool {
		return h.count("SELECT COUNT(*) FROM event_queue WHERE status = 'processed'") == reloads*each+1
	})
	s.signal(syscall.SIGTERM)
	s.wait()
	calls, processes := perEvent(entries(t, ledger, "begin")), make(map[int]bool)
	for id, n := range calls {
		if n != 1 {
			t.Errorf("event %d was delivered %d times", id, n)
		}
	}
	for _, e := range entries(t, ledger, "begin") {
		processes[e.PID] = true
	}
	if len(calls) != reloads*each+1 || len(processes) < 2 {
		t.Errorf("%d events by %d processes, want %d by more than one", len(calls), len(processes), reloads*each+1)
	}
}

// A plugin under a debugger, stopped for longer than the listener's timeout,
// still answers, and stays when the host goes.
func TestAttachedPluginHasAllTheTime(t *testing.T) {
	h := newHost(t, testdb.SQLite(t))
	ledger := h.path("ledger.jsonl")
	const timeout = 100 * time.Millisecond
	h.events(`listeners:
  ledger: {plugin: ledger, timeout: ` + timeout.String() + `, config: {path: ` + ledger + `}}
events:
  order.paid: [ledger]
`)
	plugin := exec.Command(h.path("plugins/"+pluginPrefix+"ledger"), "debug")
	out, err := plugin.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := plugin.Start(); err != nil {
		t.Fatal(err)
	}
	defer plugin.Wait()
	defer plugin.Process.Kill()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	id := h.insert("order.paid", `{}`)
	if err := plugin.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	run := h.command("run", "--once")
	run.Env = append(run.Env, strings.ReplaceAll(strings.TrimSpace(line), "'", ""))
	log := &lockedBuffer{}
	run.Stdout, run.Stderr = log, log
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the event is claimed", func() bool {
		status, _ := h.event(id)
		return status == "processing"
	})
	select {
	case <-time.After(5 * timeout): // longer than a call may take
	case <-t.Context().Done():
	}
	if err := plugin.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := run.Wait(); err != nil {
		t.Errorf("the host ended with %v\n%s", err, log)
	}
	calls := entries(t, ledger, "done")
	if status, _ := h.event(id); status != "processed" || len(calls) != 1 || calls[0].PID != plugin.Process.Pid || calls[0].Attempt != 1 {
		t.Errorf("event is %s after the calls %+v, want one by the attached process\n%s", status, calls, log)
	}
	if !alive(plugin.Process.Pid) {
		t.Error("the host ended a process that it had not started")
	}
}
