package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// benchHost is a folder with a queue in SQLite and one listener, log.
func benchHost(b *testing.B) (earshot func(args ...string) *exec.Cmd) {
	b.Helper()
	dir := b.TempDir()
	for name, text := range map[string]string{
		"host.yaml":   fmt.Sprintf("database: {driver: sqlite, dsn: queue.db}\nevents: events.yaml\nrun_dir: run\nmetrics: {listen: \"off\"}\nplugins: {dirs: [%s]}\n", filepath.Join(bin, "plugins")),
		"events.yaml": "version: 1\nlisteners: {log: {plugin: log, config: {path: out.jsonl}}}\nevents: {order.paid: [log]}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	earshot = func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(b.Context(), filepath.Join(bin, "earshot"), args...)
		cmd.Dir = dir
		return cmd
	}
	must(b, earshot("migrate", "up"))
	return earshot
}

func must(b *testing.B, cmd *exec.Cmd) {
	b.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}

// BenchmarkCronRun is what cron starts each minute: the host, one plugin, one
// event delivered, both stopped.
func BenchmarkCronRun(b *testing.B) {
	for _, events := range []int{0, 1} {
		b.Run(fmt.Sprintf("%d due", events), func(b *testing.B) {
			earshot := benchHost(b)
			var cpu time.Duration
			for b.Loop() {
				b.StopTimer()
				for range events {
					must(b, earshot("dispatch", "order.paid", "--payload", "{}"))
				}
				b.StartTimer()
				run := earshot("run", "--once")
				must(b, run)
				// Of the host and its plugin; on a busy machine it tells more.
				cpu += run.ProcessState.UserTime() + run.ProcessState.SystemTime()
			}
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/run")
			b.ReportMetric(float64(cpu.Milliseconds())/float64(b.N), "cpu-ms/run")
		})
	}
}

// BenchmarkPluginMemory reports what a plugin holds resident once it has
// delivered, as the kernel counts it.
func BenchmarkPluginMemory(b *testing.B) {
	earshot := benchHost(b)
	service := earshot("run")
	if err := service.Start(); err != nil {
		b.Fatal(err)
	}
	defer service.Wait()
	defer service.Process.Signal(os.Interrupt)
	must(b, earshot("dispatch", "order.paid", "--payload", "{}"))
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for len(children(service.Process.Pid)) == 0 {
		select {
		case <-tick.C:
		case <-b.Context().Done():
			b.Fatal("no plugin was started")
		}
	}
	plugin := children(service.Process.Pid)[0]
	for b.Loop() {
		must(b, earshot("dispatch", "order.paid", "--payload", "{}"))
	}
	b.ReportMetric(resident(b, plugin), "MB-plugin")
	b.ReportMetric(resident(b, strconv.Itoa(service.Process.Pid)), "MB-host")
}

// children are the processes that any thread of a process has started.
func children(pid int) (pids []string) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, f := range files {
		data, _ := os.ReadFile(f)
		pids = append(pids, strings.Fields(string(data))...)
	}
	return pids
}

func resident(b *testing.B, pid string) float64 {
	b.Helper()
	data, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
			kb, err := strconv.ParseFloat(f[1], 64)
			if err != nil {
				b.Fatal(err)
			}
			return kb / 1024
		}
	}
	b.Fatal("the kernel tells no VmRSS")
	return 0
}
