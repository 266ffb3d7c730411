package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
)

// drainPipes is how long the output of a process that ended is waited for.
// Something else may hold its pipes for ever.
const drainPipes = 200 * time.Millisecond

// process is one plugin process, as go-plugin's client drives it. The runner
// that go-plugin brings can panic on a log line, hang on a grandchild, and
// leaves the plugin behind when the host dies.
type process struct {
	path        string
	dir         string // of its sockets
	env         map[string]string
	hostVersion string
	out         *output

	protocol []string // variables that go-plugin adds
	// What go-plugin reads: the handshake, and nothing from stderr.
	hello, silent *io.PipeReader
	helloTo       *io.PipeWriter
	silentTo      *io.PipeWriter
	// exited is closed when the process has ended and its output was read,
	// shortly after state is set.
	exited chan struct{}
	// found ends the search for a socket.
	found context.CancelFunc
	// attached is closed when a process is let go that somebody else has
	// started; it is nil for one of ours.
	attached chan struct{}

	mu  sync.Mutex
	pid int // 0 before the process is started
	// doomed is set when it is killed before that.
	doomed bool
	// lifeline is the plugin's stdin: the kernel closes it when the host dies.
	lifeline *os.File
	state    *os.ProcessState
	greeted  bool
	first    string // line on stdout that was no handshake
	fault    error  // of the handshake
	left     bool   // attached is closed
}

var _ runner.Runner = (*process)(nil)

// run is go-plugin's RunnerFunc.
func (p *process) run(cmd *exec.Cmd) (runner.Runner, error) {
	p.protocol = append(cmd.Env,
		plugin.EnvUnixSocketDir+"="+p.dir,
		addrVariable+"=unix:"+p.socket(),
	)
	p.hello, p.helloTo = io.Pipe()
	p.silent, p.silentTo = io.Pipe()
	p.exited = make(chan struct{})
	return p, nil
}

func (p *process) socket() string { return filepath.Join(p.dir, "l.sock") }

// Start starts the process. ctx bounds the start only.
func (p *process) Start(ctx context.Context) error {
	pipes, err := newPipes()
	if err != nil {
		return err
	}
	defer pipes.closeTheirs()
	cmd, err := p.exec(ctx, pipes)
	if err != nil {
		pipes.closeOurs()
		_ = pipes.stdin.w.Close()
		return err
	}
	p.out.log = p.out.log.With("pid", cmd.Process.Pid)
	listening, found := context.WithCancel(context.WithoutCancel(ctx))
	p.mu.Lock()
	p.pid, p.lifeline, p.found = cmd.Process.Pid, pipes.stdin.w, found
	if p.doomed {
		_ = syscall.Kill(-p.pid, syscall.SIGKILL)
	}
	p.mu.Unlock()

	var readers sync.WaitGroup
	readers.Go(func() { pump(pipes.stdout.r, p.stdoutLine) })
	readers.Go(func() { pump(pipes.stderr.r, p.out.stderr) })
	readers.Go(func() {
		if line, ok := awaitSocket(listening, p.socket()); ok {
			p.greet(line)
		}
	})
	go func() {
		_ = cmd.Wait() // the state says more
		p.mu.Lock()
		p.state = cmd.ProcessState
		p.mu.Unlock()
		found()
		// What the plugin left behind goes with it.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		late := time.AfterFunc(drainPipes, pipes.closeOurs)
		readers.Wait()
		late.Stop()
		pipes.closeOurs()
		p.hangUp()
		_, _ = p.helloTo.Close(), p.silentTo.Close()
		close(p.exited)
	}()
	return nil
}

// exec starts the binary. A binary that was written a moment ago may still be
// open for writing in a child that is about to exec: that passes.
func (p *process) exec(ctx context.Context, pipes *pipes) (*exec.Cmd, error) {
	const retries = 3
	for try := 0; ; try++ {
		cmd := exec.Command(p.path)
		cmd.Env = environ(os.Environ(), p.env, p.protocol)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = pipes.stdin.r, pipes.stdout.w, pipes.stderr.w
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		err := cmd.Start()
		if err == nil {
			return cmd, nil
		}
		if !errors.Is(err, syscall.ETXTBSY) || try == retries {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(50 * time.Millisecond << try):
		}
	}
}

func pump(r io.Reader, line func(string)) {
	w := &lineWriter{line: line}
	_, _ = io.Copy(w, r) // ends when the pipe does
	w.flush()
}

// stdoutLine looks for the handshake; all else is chatter.
func (p *process) stdoutLine(text string) {
	if line := strings.TrimSpace(text); isHandshake(line) && p.greet(line) {
		return
	}
	p.mu.Lock()
	if !p.greeted && p.first == "" {
		p.first = clip(p.out.redact.Replace(text), maxKept)
	}
	p.mu.Unlock()
	p.out.stdout(text)
}

// greet hands the first handshake to go-plugin, unless it cannot be used.
func (p *process) greet(line string) bool {
	p.mu.Lock()
	if p.greeted {
		p.mu.Unlock()
		return false
	}
	p.greeted = true
	p.fault = checkHandshake(line, p.hostVersion)
	fault := p.fault
	p.mu.Unlock()
	p.found()
	if fault != nil {
		_ = p.helloTo.Close()
		return true
	}
	_, _ = io.WriteString(p.helloTo, line+"\n") // fails only when the process has ended
	return true
}

// hangUp closes the life line: a plugin that is well ends.
func (p *process) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lifeline != nil {
		_ = p.lifeline.Close() // again is an error, and no harm
	}
}

// signal reaches the whole process group while the process lives. A kill
// reaches it even before it lives.
func (p *process) signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doomed = p.doomed || sig == syscall.SIGKILL
	if p.pid != 0 && p.state == nil && p.attached == nil {
		_ = syscall.Kill(-p.pid, sig)
	}
}

// ended reports whether the process has ended, and how.
func (p *process) ended() (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.left:
		return "it is gone, or was let go", true
	case p.state == nil:
		return "", false
	}
	return statusText(p.state), true
}

func statusText(state *os.ProcessState) string {
	ws, ok := state.Sys().(syscall.WaitStatus)
	switch {
	case ok && ws.Signaled() && ws.Signal() == syscall.SIGKILL:
		return "killed by signal 9 (often out of memory)"
	case ok && ws.Signaled():
		return fmt.Sprintf("killed by signal %d (%s)", ws.Signal(), ws.Signal())
	}
	return fmt.Sprintf("exit code %d", state.ExitCode())
}

// Kill ends the process group at once.
func (p *process) Kill(context.Context) error {
	p.signal(syscall.SIGKILL)
	return nil
}

// Wait returns when the process has ended and its output was read.
func (p *process) Wait(context.Context) error {
	<-p.exited
	return nil
}

// ID is the process id; empty before the process is started.
func (p *process) ID() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pid == 0 {
		return ""
	}
	return strconv.Itoa(p.pid)
}

func (p *process) Stdout() io.ReadCloser                            { return p.hello }
func (p *process) Stderr() io.ReadCloser                            { return p.silent }
func (p *process) Name() string                                     { return p.path }
func (p *process) Diagnose(context.Context) string                  { return "" }
func (p *process) PluginToHost(n, a string) (string, string, error) { return n, a, nil }
func (p *process) HostToPlugin(n, a string) (string, string, error) { return n, a, nil }

type pipe struct{ r, w *os.File }

// pipes are the three standard streams of a child.
type pipes struct{ stdin, stdout, stderr pipe }

func newPipes() (*pipes, error) {
	ps := &pipes{}
	for _, p := range []*pipe{&ps.stdin, &ps.stdout, &ps.stderr} {
		var err error
		if p.r, p.w, err = os.Pipe(); err != nil {
			ps.closeTheirs()
			ps.closeOurs()
			_ = ps.stdin.w.Close()
			return nil, err
		}
	}
	return ps, nil
}

// closeTheirs closes the child's ends.
func (ps *pipes) closeTheirs() {
	_, _, _ = ps.stdin.r.Close(), ps.stdout.w.Close(), ps.stderr.w.Close()
}

// closeOurs closes the ends that are read here; Close on a nil file is an error, not a panic.
func (ps *pipes) closeOurs() {
	_, _ = ps.stdout.r.Close(), ps.stderr.r.Close()
}

// awaitExit reports whether the process ends within d.
func (p *process) awaitExit(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.exited:
		return true
	case <-timer.C:
		return false
	}
}
