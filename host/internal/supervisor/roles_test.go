package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/earshot-host/earshot/sdk"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// roles are what the test binary can play.
var roles = map[string]func(){
	"puppet": func() { sdk.Serve(&puppet{}, sdk.Name("puppet"), sdk.Version("1.2.3")) },
	"batch":  func() { sdk.Serve(&batchPuppet{}) },
	"noisy": func() {
		fmt.Println("Loading…")
		fmt.Println("1|2|3 is no handshake")
		fmt.Print(strings.Repeat("x", 200<<10), "\n")
		sdk.Serve(&puppet{})
	},
	"babble": func() {
		for _, line := range []string{`{"@message":5}`, `{"@level":[],"@message":"a"}`, `{"@message":"m","@timestamp":7}`, `{"`, "{}", "null", "plain words"} {
			fmt.Fprintln(os.Stderr, line)
		}
		sdk.Serve(&puppet{})
	},
	"mute":   func() { signal.Ignore(syscall.SIGTERM); select {} },
	"quits":  func() { fmt.Fprintln(os.Stderr, "cannot open /etc/nothing"); os.Exit(3) },
	"chatty": func() { fmt.Println("Usage: chatty [file]") },
	"old":    func() { fmt.Println("1|0|unix|/nowhere|grpc|"); select {} },
	"new":    func() { fmt.Println("1|99|unix|/nowhere|grpc|"); select {} },
	"netrpc": func() { fmt.Println("1|1|unix|/nowhere|netrpc|"); select {} },
	"remote": func() { fmt.Println("1|1|tcp|192.0.2.1:80|grpc|"); select {} },
	"wedged": func() { // accepts, and never says a word of HTTP/2
		_, path := listen()
		fmt.Printf("1|1|unix|%s|grpc|\n", path)
		select {}
	},
	"crashes": func() {
		lis, path := listen()
		fmt.Printf("1|1|unix|%s|grpc|\n", path)
		_, _ = lis.Accept()
		panic("no database")
	},
	"bare": func() { // a handshake, one method, and nothing else
		lis, path := listen()
		fmt.Printf("1|1|unix|%s|grpc\n", path)
		serveBare(lis)
	},
	"stubborn": func() { // as bare, and ends by nothing but SIGKILL
		signal.Ignore(syscall.SIGTERM)
		lis, path := listen()
		fmt.Printf("1|1|unix|%s|grpc\n", path)
		serveBare(lis)
	},
	"simple": func() { // no handshake at all
		lis, err := net.Listen("unix", strings.TrimPrefix(os.Getenv("EARSHOT_LISTENER_ADDR"), "unix:"))
		if err != nil {
			panic(err)
		}
		serveBare(lis)
	},
	"odd": func() { // answers what nobody asked, and the same twice
		lis, path := listen()
		fmt.Printf("1|1|unix|%s|grpc\n", path)
		s := grpc.NewServer()
		listenerv1.RegisterListenerServer(s, odd{})
		_ = s.Serve(lis)
	},
	"host": playHost,
}

func listen() (net.Listener, string) {
	path := filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "s")
	lis, err := net.Listen("unix", path)
	if err != nil {
		panic(err)
	}
	return lis, path
}

// bare is a listener of a plugin in another language, from a later time.
type bare struct {
	listenerv1.UnimplementedListenerServer
}

func (bare) Handle(_ context.Context, req *listenerv1.HandleRequest) (*listenerv1.HandleResponse, error) {
	o := &listenerv1.Outcome{Code: listenerv1.Outcome_CODE_DELIVERED, ExternalId: strconv.Itoa(os.Getpid())}
	if req.GetDelivery().GetEventName() == "future" {
		o.Code = 99
		o.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 500, protowire.VarintType), 7))
	}
	return &listenerv1.HandleResponse{Outcome: o}, nil
}

type odd struct{ bare }

func (odd) Describe(context.Context, *listenerv1.DescribeRequest) (*listenerv1.DescribeResponse, error) {
	return &listenerv1.DescribeResponse{Name: "odd", Capabilities: []string{"batch"}}, nil
}

func (odd) HandleBatch(req *listenerv1.HandleBatchRequest, stream grpc.ServerStreamingServer[listenerv1.HandleBatchResponse]) error {
	for i, key := range []string{"stranger", req.GetDeliveries()[0].GetIdempotencyKey(), req.GetDeliveries()[0].GetIdempotencyKey()} {
		err := stream.Send(&listenerv1.HandleBatchResponse{IdempotencyKey: key, Outcome: &listenerv1.Outcome{Code: listenerv1.Outcome_Code(i)}})
		if err != nil {
			return err
		}
	}
	return nil
}

func serveBare(lis net.Listener) {
	s := grpc.NewServer()
	listenerv1.RegisterListenerServer(s, bare{})
	_ = s.Serve(lis)
}

// puppet does what events tell it: the name is the deed, the payload its object.
type puppet struct {
	Config json.RawMessage
	timing string
}

func (p *puppet) Configure(_ context.Context, cfg sdk.Config) error {
	p.Config, p.timing = cfg.JSON, cfg.Timezone
	var known struct {
		Refuse, Hang string
	}
	if err := json.Unmarshal(cfg.JSON, &known); err != nil && len(cfg.JSON) > 0 {
		return err
	}
	if known.Hang != "" {
		select {}
	}
	if known.Refuse != "" {
		return sdk.At(known.Refuse, errors.New("is not a port: tajna-lozinka"))
	}
	return nil
}

func (p *puppet) Check(context.Context) error { return errors.New("login refused for tajna-lozinka") }

func (p *puppet) Handle(ctx context.Context, ev *sdk.Event) error {
	what := string(ev.Payload)
	switch ev.Name {
	case "pid":
		ev.SetExternalID(strconv.Itoa(os.Getpid()))
	case "size":
		ev.SetExternalID(strconv.Itoa(len(ev.Payload)))
	case "env":
		ev.SetExternalID(os.Getenv(what))
	case "config":
		ev.SetExternalID(string(p.Config))
	case "zone":
		ev.SetExternalID(p.timing)
	case "fail":
		return errors.New(what)
	case "exit":
		code, _ := strconv.Atoi(what)
		os.Exit(code)
	case "panic":
		panic(what)
	case "gopanic":
		go panic(what)
		select {}
	case "signal":
		n, _ := strconv.Atoi(what)
		_ = syscall.Kill(os.Getpid(), syscall.Signal(n))
		<-ctx.Done()
	case "lock": // held until the process ends
		f, err := os.OpenFile(what, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return err
		}
		return syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
	case "child", "daemon": // one that holds stdout, stderr and a lock
		f, err := os.OpenFile(what, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return err
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
			return err
		}
		cmd := exec.Command("sleep", "600")
		cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = os.NewFile(1, ""), os.NewFile(2, ""), []*os.File{f}
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: ev.Name == "daemon"}
		if err := cmd.Start(); err != nil {
			return err
		}
		ev.SetExternalID(strconv.Itoa(cmd.Process.Pid))
	case "heir": // ends, and leaves its end of the wire to a child
		cmd := exec.Command("sleep", "2")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		for fd := range 64 {
			if _, err := syscall.Getpeername(fd); err == nil {
				cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(uintptr(fd), ""))
			}
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		os.Exit(6)
	case "stdout": // the real one
		n, _ := strconv.Atoi(what)
		_, err := io.WriteString(os.NewFile(1, ""), strings.Repeat("y", n)+"\n")
		return err
	case "print":
		fmt.Println(what)
	case "stderr":
		_, err := io.WriteString(os.NewFile(2, ""), what+"\n")
		return err
	case "log":
		sdk.Logger(ctx).Warn(what, "big", int64(9007199254740993))
	case "cut": // as when old sockets are cleaned away, and the connection breaks
		_ = os.RemoveAll(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"))
		for fd := range 64 {
			if _, err := syscall.Getpeername(fd); err == nil {
				_ = syscall.Shutdown(fd, syscall.SHUT_RDWR)
			}
		}
	case "wait":
		touch(what)
		<-ctx.Done()
		return ctx.Err()
	case "deaf":
		touch(what)
		select {}
	case "tellexit", "telldeaf": // tells one of two, and never answers
		ev.Receipt("customer", "m1")
		time.Sleep(50 * time.Millisecond) //nolint:forbidigo // the receipt is on its way
		touch(what)
		if ev.Name == "tellexit" {
			os.Exit(3)
		}
		select {}
	case "slow":
		touch(what)
		time.Sleep(100 * time.Millisecond) //nolint:forbidigo // what slow means
		ev.SetExternalID("done")
	}
	return nil
}

func touch(path string) {
	if path != "" {
		_ = os.WriteFile(path, nil, 0o600)
	}
}

// batchPuppet answers in batches, and quits at an event named exit.
type batchPuppet struct{ puppet }

func (p *batchPuppet) HandleBatch(ctx context.Context, evs []*sdk.Event) []error {
	errs := make([]error, len(evs))
	for i, ev := range evs {
		switch ev.Name {
		case "exit":
			os.Exit(5)
		case "tellexit":
			return []error{p.Handle(ctx, ev)}
		case "fail":
			errs[i] = errors.New("no")
		}
	}
	return errs
}

// playHost is a host that starts a plugin, lets it take the lock, and waits to be killed.
func playHost() {
	s, err := New(Options{RunDir: os.Getenv("EARSHOT_TEST_RUN")})
	if err != nil {
		panic(err)
	}
	s.Reload([]Spec{{Listener: "email", Path: os.Getenv("EARSHOT_TEST_BINARY"), Env: map[string]string{roleVar: "puppet"}}})
	if _, err := s.Call(context.Background(), "email", order("lock", os.Getenv("EARSHOT_TEST_LOCK"))); err != nil {
		panic(err)
	}
	fmt.Println("ready")
	select {}
}
