package conformance

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/earshot-host/earshot/sdk/client"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// Process is a plugin started the way that a host starts it, with nothing but
// PATH in its environment.
type Process struct {
	Client listenerv1.ListenerClient

	cmd    *exec.Cmd
	stdin  io.Closer
	conn   *grpc.ClientConn
	dir    string
	exited chan struct{}

	mu    sync.Mutex
	noise []string
}

// StartProcess starts the plugin at path and returns once it can be called. It
// waits at most as long as ctx; Close ends the process. Its stderr goes to
// stderr.
func StartProcess(ctx context.Context, path string, stderr io.Writer) (*Process, error) {
	dir, err := os.MkdirTemp("", "earshot-")
	if err != nil {
		return nil, err
	}
	p := &Process{cmd: exec.Command(path), dir: dir, exited: make(chan struct{})}
	if err := p.start(ctx, stderr); err != nil {
		_ = p.Close()
		return nil, fmt.Errorf("start %s: %w", filepath.Base(path), err)
	}
	return p, nil
}

func (p *Process) start(ctx context.Context, stderr io.Writer) error {
	socket := filepath.Join(p.dir, "listener.sock")
	hs := client.Handshake()
	p.cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), hs.MagicCookieKey + "=" + hs.MagicCookieValue,
		"PLUGIN_PROTOCOL_VERSIONS=1", "PLUGIN_UNIX_SOCKET_DIR=" + p.dir, client.AddrKey + "=unix:" + socket,
	}
	p.cmd.Stderr = stderr
	p.cmd.WaitDelay = time.Second
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	// A pipe of our own: that of exec is closed by Wait while it is still read.
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	p.cmd.Stdout = in
	err = p.cmd.Start()
	in.Close()
	if err != nil {
		close(p.exited)
		return errors.Join(err, out.Close())
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait()
	}()
	lines := make(chan string, 1)
	go p.readStdout(out, lines)

	target, err := p.await(ctx, socket, lines)
	if err != nil {
		return err
	}
	p.conn, err = grpc.NewClient(target, append(client.DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		return err
	}
	p.Client = listenerv1.NewListenerClient(p.conn)
	return nil
}

// readStdout hands over the handshake line and remembers what came before it.
func (p *Process) readStdout(out io.ReadCloser, handshake chan<- string) {
	defer close(handshake)
	defer out.Close()
	sent := false
	r := bufio.NewReader(out)
	for {
		line, err := r.ReadString('\n')
		line = strings.TrimRight(line, "\r\n")
		switch {
		case sent || line == "":
		case strings.Count(line, "|") >= 4:
			sent = true
			handshake <- line
		default:
			p.mu.Lock()
			p.noise = append(p.noise, line)
			p.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

// await returns where the plugin serves, as soon as it has said so by either
// of the two ways.
func (p *Process) await(ctx context.Context, socket string, lines <-chan string) (string, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case line, ok := <-lines:
			if ok {
				return parseHandshake(line)
			}
			lines = nil // it closed stdout and may still listen
		case <-p.exited:
			p.finishReading(ctx, lines)
			return "", fmt.Errorf("it ended before it served (%s)%s", p.cmd.ProcessState, p.printed())
		case <-ctx.Done():
			return "", fmt.Errorf("neither a handshake line on stdout nor a socket at %s in time%s", client.AddrKey, p.printed())
		case <-tick.C:
			if conn, err := net.Dial("unix", socket); err == nil {
				conn.Close()
				return "unix:" + socket, nil
			}
		}
	}
}

// finishReading waits until all that an ended process printed is read. A child
// of it may hold stdout open, so it waits a second at most.
func (p *Process) finishReading(ctx context.Context, lines <-chan string) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for lines != nil {
		select {
		case _, ok := <-lines:
			if !ok {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func (p *Process) printed() string {
	noise := p.Noise()
	if len(noise) == 0 {
		return ""
	}
	return fmt.Sprintf("; its first line on stdout was %q", noise[0])
}

// Noise is what the plugin printed to stdout before it served.
func (p *Process) Noise() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.noise
}

// Abandon does to the plugin what the death of its host does: stdin breaks.
func (p *Process) Abandon() error { return p.stdin.Close() }

// Signal sends the plugin sig.
func (p *Process) Signal(sig os.Signal) error { return p.cmd.Process.Signal(sig) }

// Exited is closed once the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Close ends the process, by force if it outlives the end of its stdin by two
// seconds.
func (p *Process) Close() error {
	if p.conn != nil {
		_ = p.conn.Close()
	}
	if p.stdin != nil && p.cmd.Process != nil {
		_ = p.stdin.Close()
		timer := time.NewTimer(lifeLine)
		defer timer.Stop()
		select {
		case <-p.exited:
		case <-timer.C:
			_ = p.cmd.Process.Kill()
			<-p.exited
		}
	}
	return os.RemoveAll(p.dir)
}

// parseHandshake reads go-plugin's line: core version, protocol version,
// network, address, kind of protocol.
func parseHandshake(line string) (string, error) {
	f := strings.Split(line, "|")
	switch {
	case f[0] != "1":
		return "", fmt.Errorf("handshake %q: its first field must be 1, the version of the handshake", line)
	case f[1] != "1":
		return "", fmt.Errorf("handshake %q: protocol version %s, but this side speaks 1", line, f[1])
	case f[4] != "grpc":
		return "", fmt.Errorf("handshake %q: its fifth field must be grpc", line)
	case f[2] == "unix":
		return "unix:" + f[3], nil
	case f[2] == "tcp":
		return "dns:///" + f[3], nil
	}
	return "", fmt.Errorf("handshake %q: network %q is neither unix nor tcp", line, f[2])
}
