package sdk_test

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"github.com/earshot-host/earshot/sdk"
	"github.com/earshot-host/earshot/sdk/client"
	"github.com/earshot-host/earshot/sdk/conformance"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
	"github.com/earshot-host/earshot/sdk/sdktest"
)

func executable(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// A signal to the whole process group must not cut a delivery in two: the host
// gets it as well, and says when to stop.
func TestSignalsEndNothing(t *testing.T) {
	p, err := conformance.StartProcess(t.Context(), executable(t), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.Client.Configure(t.Context(), &listenerv1.ConfigureRequest{}); err != nil {
		t.Fatal(err)
	}
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE} {
		if err := p.Signal(sig); err != nil {
			t.Fatal(err)
		}
		res, err := p.Client.Handle(t.Context(), &listenerv1.HandleRequest{Delivery: &listenerv1.Delivery{EventName: "greet"}})
		if err != nil || res.GetOutcome().GetCode() != listenerv1.Outcome_CODE_DELIVERED {
			t.Errorf("after %s: %v, %v", sig, res, err)
		}
	}
}

func TestPrintedLineHarmsNothing(t *testing.T) {
	h := sdktest.Binary(t, executable(t))
	if a := h.Deliver(&sdk.Event{Name: "print"}); a.Outcome != sdktest.Delivered {
		t.Error(a)
	}
	if lines := h.Logs(); len(lines) != 1 || lines[0].Level != "warn" {
		t.Errorf("stderr holds %v, want the logger's line", lines)
	}
}

// The host reaches plugins through go-plugin's own client.
func TestGoPluginClient(t *testing.T) {
	c := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: client.Handshake(), VersionedPlugins: client.Versions(), Cmd: exec.Command(executable(t)),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC}, GRPCDialOptions: client.DialOptions(),
		AutoMTLS: true, Logger: hclog.NewNullLogger(),
	})
	defer c.Kill()
	greetThrough(t, c)
}

func greetThrough(t *testing.T, c *plugin.Client) {
	t.Helper()
	conn, err := c.Client()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := conn.Dispense(client.Plugin)
	if err != nil {
		t.Fatal(err)
	}
	l := raw.(listenerv1.ListenerClient)
	if _, err := l.Configure(t.Context(), &listenerv1.ConfigureRequest{}); err != nil {
		t.Fatal(err)
	}
	d := &listenerv1.Delivery{EventName: "greet", Payload: bytes.Repeat([]byte("x"), 8<<20)}
	res, err := l.Handle(t.Context(), &listenerv1.HandleRequest{Delivery: d})
	if err != nil || res.GetOutcome().GetExternalId() != "hello" {
		t.Errorf("Handle = %v, %v", res, err)
	}
}

func byHand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), executable(t), args...)
	cmd.Env = append(os.Environ(), byHandVar+"=1")
	return cmd
}

// Under a debugger, one process serves host after host.
func TestDebug(t *testing.T) {
	cmd := byHand(t, "debug", "-listener", "email")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	value, ok := strings.CutPrefix(strings.TrimSpace(line), client.AttachKey+"=")
	if !ok {
		t.Fatalf("printed %q", line)
	}
	listener, reattach, err := client.Attach(strings.Trim(value, "'"))
	if err != nil || listener != "email" {
		t.Fatalf("Attach = %q, %v", listener, err)
	}
	for range 2 {
		c := plugin.NewClient(&plugin.ClientConfig{
			HandshakeConfig: client.Handshake(), Plugins: client.Versions()[reattach.ProtocolVersion], Reattach: reattach,
			AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC}, GRPCDialOptions: client.DialOptions(), Logger: hclog.NewNullLogger(),
		})
		greetThrough(t, c)
		leave(t, c)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("debug ended with %v", err)
	}
}

// leave closes the connection and lets the process live, as a host does.
func leave(t *testing.T, c *plugin.Client) {
	t.Helper()
	conn, err := c.Client()
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.(*plugin.GRPCClient).Conn.Close(); err != nil {
		t.Error(err)
	}
}

func TestFaces(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, bad := file("good.json", `{"greeting": "hi"}`), file("bad.json", `{"greting": "hi"}`)
	event, payload := file("event.json", `{"name": "greet", "payload": {"id": 1}}`), file("payload.json", `{"id": 1}`)
	fails := file("fails.json", `{"name": "retry", "payload": {}}`)
	tests := []struct {
		args  []string
		code  int
		wants string
	}{
		{nil, 2, "validate -c CONFIG"},
		{[]string{"help"}, 0, "validate -c CONFIG"},
		{[]string{"nonsense"}, 2, `"nonsense" is unknown`},
		{[]string{"version"}, 0, "puppet 1.2.3"},
		{[]string{"describe"}, 0, `"summary": "does what the event says"`},
		{[]string{"schema"}, 0, `"writeOnly": true`},
		{[]string{"validate", "-c", good}, 0, "good"},
		{[]string{"validate", "-c", bad}, 3, "greting: is unknown: did you mean greeting?"},
		{[]string{"validate", "-c", dir + "/none"}, 1, "no such file"},
		{[]string{"validate"}, 2, "which configuration"},
		{[]string{"validate", "-x"}, 2, "-x"},
		{[]string{"run"}, 2, "which event"},
		{[]string{"run", "-c", good, "-e", event}, 0, `"externalId": "hi"`},
		{[]string{"run", "-c", good, "-e", payload, "-name", "greet", "--dry-run"}, 0, "CODE_DELIVERED"},
		{[]string{"run", "-c", good, "-e", payload}, 1, "-name EVENT"},
		{[]string{"run", "-c", good, "-e", fails}, 1, "boom"},
		{[]string{"run", "-c", bad, "-e", event}, 3, "greting"},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			cmd := byHand(t, tt.args...)
			out, _ := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if !strings.Contains(string(out), tt.wants) {
				t.Errorf("printed\n%s\nwant %q in it", out, tt.wants)
			}
		})
	}
}
