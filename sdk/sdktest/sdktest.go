// Package sdktest runs a listener in a test the way that the host does: over a
// real socket, with receipts kept from one attempt to the next.
//
//	h := sdktest.Start(t, &Listener{}, sdktest.Config(`{"path": "out.jsonl"}`))
//	if a := h.Deliver(&sdk.Event{Name: "appointment.saved", Payload: payload}); a.Outcome != sdktest.Delivered {
//		t.Error(a)
//	}
package sdktest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/earshot-host/earshot/sdk"
	"github.com/earshot-host/earshot/sdk/client"
	"github.com/earshot-host/earshot/sdk/conformance"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// Timeout is how long a listener may take for one event, unless the context of
// DeliverContext says otherwise.
const Timeout = 10 * time.Second

// Host plays the host for one listener. Its methods may be called by many
// goroutines at once.
type Host struct {
	// Client is the listener itself, for calls that Host does not make.
	Client listenerv1.ListenerClient

	t    testing.TB
	o    options
	logs *logs
	past past
}

type options struct {
	listener, config, dir, timezone string
	sdk                             []sdk.Option
}

// Option changes how a Host starts its listener.
type Option func(*options)

// Config is the listener's block as JSON; without it, it is {}.
func Config(json string) Option { return func(o *options) { o.config = json } }

// Dir is where relative paths of the block start; without it, a folder that the
// test throws away.
func Dir(dir string) Option { return func(o *options) { o.dir = dir } }

// Timezone is the IANA name of the host's time zone; without it, UTC.
func Timezone(name string) Option { return func(o *options) { o.timezone = name } }

// With passes options on to the SDK, such as sdk.Name.
func With(opts ...sdk.Option) Option { return func(o *options) { o.sdk = append(o.sdk, opts...) } }

// Start serves l on a unix socket in this process and configures it. The test
// fails at once if the configuration is refused. When the test ends, l is
// stopped, and closed if it is a Closer.
func Start(t testing.TB, l sdk.Listener, opts ...Option) *Host {
	t.Helper()
	h := newHost(t, opts)
	s, err := serve(t.Context(), l, append(h.o.sdk, sdk.LogTo(h.logs)))
	if err != nil {
		t.Fatal(err)
	}
	h.Client = s.Client
	h.begin(s.Close)
	return h
}

// Binary starts the plugin at path as a process and configures it; it is ended
// with the test. For a plugin in Go, Build makes the binary.
func Binary(t testing.TB, path string, opts ...Option) *Host {
	t.Helper()
	h := newHost(t, opts)
	ctx, cancel := context.WithTimeout(t.Context(), Timeout)
	defer cancel()
	p, err := conformance.StartProcess(ctx, path, h.logs)
	if err != nil {
		t.Fatalf("%v\n%s", err, h.logs)
	}
	h.Client = p.Client
	h.begin(p.Close)
	return h
}

func newHost(t testing.TB, opts []Option) *Host {
	h := &Host{t: t, o: options{listener: "test", config: "{}", timezone: "UTC"}, logs: &logs{}}
	for _, opt := range opts {
		opt(&h.o)
	}
	if h.o.dir == "" {
		h.o.dir = t.TempDir()
	}
	return h
}

// begin configures the listener and sees to its end.
func (h *Host) begin(end func() error) {
	h.t.Helper()
	h.t.Cleanup(func() {
		if err := end(); err != nil {
			h.t.Errorf("end the listener: %v", err)
		}
	})
	faults, err := h.configure(h.o.config, false)
	if err != nil {
		h.t.Fatalf("configure: %v\n%s", err, h.logs)
	}
	for _, f := range faults {
		h.t.Errorf("configuration refused: %s", f)
	}
	if len(faults) > 0 {
		h.t.FailNow()
	}
}

// Fault is one thing wrong with a configuration.
type Fault struct {
	// Path is the key as dotted keys; empty means the whole block.
	Path    string
	Message string
}

func (f Fault) String() string { return f.Path + ": " + f.Message }

// Validate has the listener check a block, given as JSON, without taking it.
func (h *Host) Validate(config string) []Fault {
	h.t.Helper()
	faults, err := h.configure(config, true)
	if err != nil {
		h.t.Fatalf("validate: %v", err)
	}
	return faults
}

func (h *Host) configure(config string, validateOnly bool) ([]Fault, error) {
	ctx, cancel := context.WithTimeout(h.t.Context(), Timeout)
	defer cancel()
	res, err := h.Client.Configure(ctx, &listenerv1.ConfigureRequest{
		Listener: h.o.listener, Config: []byte(config), ConfigDir: h.o.dir, Timezone: h.o.timezone, ValidateOnly: validateOnly,
	})
	var faults []Fault
	for _, d := range res.GetDiagnostics() {
		faults = append(faults, Fault{d.GetPath(), d.GetSummary()})
	}
	return faults, err
}

// Check asks the listener whether it could deliver now; nil means yes.
func (h *Host) Check() error {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), Timeout)
	defer cancel()
	res, err := h.Client.CheckHealth(ctx, &listenerv1.CheckHealthRequest{})
	if err != nil {
		h.t.Fatalf("check: %v", err)
	}
	if !res.GetHealthy() {
		return errors.New(res.GetMessage())
	}
	return nil
}

// Stop stops the listener and returns how many deliveries had not ended after
// drainFor. What is delivered afterwards is refused.
func (h *Host) Stop(drainFor time.Duration) int {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), drainFor+Timeout)
	defer cancel()
	res, err := h.Client.Stop(ctx, &listenerv1.StopRequest{DrainFor: durationpb.New(drainFor)})
	if err != nil {
		h.t.Fatalf("stop: %v", err)
	}
	return int(res.GetUnfinished())
}

// serve runs l on a socket of its own.
func serve(ctx context.Context, l sdk.Listener, opts []sdk.Option) (*conformance.Session, error) {
	// Not t.TempDir: a path of a socket may have hardly more than 100 bytes.
	dir, err := os.MkdirTemp("", "earshot-")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "s")
	socket, err := net.Listen("unix", path)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	service := sdk.NewService(context.WithoutCancel(ctx), l, opts...)
	server := grpc.NewServer(sdk.ServerOptions()...)
	listenerv1.RegisterListenerServer(server, service)
	served := make(chan error, 1)
	go func() { served <- server.Serve(socket) }()
	conn, err := grpc.NewClient("unix:"+path, append(client.DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		server.Stop()
		return nil, errors.Join(err, <-served, os.RemoveAll(dir))
	}
	end := func() error {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), Timeout)
		defer cancel()
		_, err := service.Stop(stopping, &listenerv1.StopRequest{DrainFor: durationpb.New(time.Second)})
		closed := conn.Close()
		server.Stop()
		return errors.Join(err, closed, <-served, os.RemoveAll(dir))
	}
	return &conformance.Session{Client: listenerv1.NewListenerClient(conn), Close: end}, nil
}

// Conformance checks that l behaves as the host needs it to. Every event is a
// dry run. make returns a fresh listener for each check; p says with what the
// checks are made, and its Start is ignored.
func Conformance(t *testing.T, fresh func() sdk.Listener, p conformance.Plugin) {
	t.Helper()
	p.Start = func(ctx context.Context) (*conformance.Session, error) {
		return serve(ctx, fresh(), []sdk.Option{sdk.LogTo(&logs{})})
	}
	report(t, p)
}

// BinaryConformance makes the checks of Conformance, and those that need a
// process, on the plugin at path, in whatever language it is written.
func BinaryConformance(t *testing.T, path string, p conformance.Plugin) {
	t.Helper()
	stderr := &logs{}
	p.Start = conformance.Binary(path, stderr).Start
	report(t, p)
	if t.Failed() {
		t.Logf("stderr of %s:\n%s", path, stderr)
	}
}

func report(t *testing.T, p conformance.Plugin) {
	t.Helper()
	if p.Dir == "" {
		p.Dir = t.TempDir()
	}
	for _, r := range conformance.Run(t.Context(), p) {
		t.Run(r.Name, func(t *testing.T) {
			if !r.OK {
				t.Error(r.Detail)
			}
		})
	}
}

// String lists what the answer says.
func (a Answer) String() string {
	return fmt.Sprintf("%s %q (receipts %v, external id %q, retry after %s)", a.Outcome, a.Message, a.Receipts, a.ExternalID, a.RetryAfter)
}
