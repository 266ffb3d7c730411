package conformance_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/earshot-host/earshot/sdk/client"
	"github.com/earshot-host/earshot/sdk/conformance"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// crooked is a plugin written without an SDK, right but for what fault names.
type crooked struct {
	listenerv1.UnimplementedListenerServer
	fault   string
	stopped atomic.Bool
}

func (c *crooked) Describe(context.Context, *listenerv1.DescribeRequest) (*listenerv1.DescribeResponse, error) {
	res := &listenerv1.DescribeResponse{Name: "crooked", Capabilities: []string{"configure", "batch"}}
	if c.fault == "describe" {
		res.Name = ""
	}
	return res, nil
}

func (c *crooked) Configure(_ context.Context, req *listenerv1.ConfigureRequest) (*listenerv1.ConfigureResponse, error) {
	res := &listenerv1.ConfigureResponse{}
	bad := strings.Contains(string(req.GetConfig()), "earshot_conformance")
	switch {
	case bad && c.fault != "unknown key of the configuration refused":
		res.Diagnostics = []*listenerv1.Diagnostic{{Severity: listenerv1.Diagnostic_SEVERITY_ERROR, Path: "earshot_conformance"}}
	case c.fault == "configuration accepted" && req.GetValidateOnly():
		res.Diagnostics = []*listenerv1.Diagnostic{{Severity: listenerv1.Diagnostic_SEVERITY_ERROR, Path: "earshot_conformance", Summary: "no"}}
	}
	return res, nil
}

func (c *crooked) CheckHealth(context.Context, *listenerv1.CheckHealthRequest) (*listenerv1.CheckHealthResponse, error) {
	return &listenerv1.CheckHealthResponse{Healthy: c.fault != "health check answers"}, nil
}

func (c *crooked) Handle(ctx context.Context, req *listenerv1.HandleRequest) (*listenerv1.HandleResponse, error) {
	d := req.GetDelivery()
	o := &listenerv1.Outcome{Code: listenerv1.Outcome_CODE_DELIVERED, Receipts: []*listenerv1.Receipt{{Key: "customer:7"}}}
	if len(d.GetReceipts()) > 0 && c.fault != "duplicate delivery repeats no receipt" {
		o.Receipts = nil
	}
	switch {
	case c.stopped.Load() && c.fault != "stop refuses what comes after":
		return nil, status.Error(codes.Unavailable, "stopping")
	case c.fault == "unknown event is answered" && d.GetEventName() == "conformance.unknown":
		return nil, status.Error(codes.Internal, "no such event")
	case c.fault == "payload that is no JSON is answered" && strings.Contains(string(d.GetPayload()), "cut"),
		c.fault == "payload of 5 MiB is answered" && len(d.GetPayload()) > 4<<20:
		o.Code = listenerv1.Outcome_CODE_UNSPECIFIED
	case d.GetEventName() == "panic":
		o.Code, o.Message = listenerv1.Outcome_CODE_RETRY, "panic"
		if c.fault == "panic in the handler is a retry" {
			o.Code = listenerv1.Outcome_CODE_REJECTED
		}
	case d.GetEventName() == "slow":
		if c.fault == "slow handler answers before its deadline" {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		o.Code, o.Message = listenerv1.Outcome_CODE_RETRY, "slow"
	}
	return &listenerv1.HandleResponse{Outcome: o}, nil
}

func (c *crooked) HandleBatch(req *listenerv1.HandleBatchRequest, s grpc.ServerStreamingServer[listenerv1.HandleBatchResponse]) error {
	for i, d := range req.GetDeliveries() {
		if c.fault == "batch answers each event once" && i == 4 {
			break
		}
		if err := s.Send(&listenerv1.HandleBatchResponse{IdempotencyKey: d.GetIdempotencyKey()}); err != nil {
			return err
		}
	}
	return nil
}

func (c *crooked) Stop(context.Context, *listenerv1.StopRequest) (*listenerv1.StopResponse, error) {
	c.stopped.Store(true)
	return &listenerv1.StopResponse{}, nil
}

func plugin(fault string) conformance.Plugin {
	start := func(context.Context) (*conformance.Session, error) {
		if fault == "start" {
			return nil, errors.New("it does not start")
		}
		lis := bufconn.Listen(1 << 20)
		server := grpc.NewServer(grpc.MaxRecvMsgSize(client.MaxMessage))
		listenerv1.RegisterListenerServer(server, &crooked{fault: fault})
		served := make(chan error, 1)
		go func() { served <- server.Serve(lis) }()
		conn, err := grpc.NewClient("passthrough:bufconn", append(client.DialOptions(),
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }))...)
		return &conformance.Session{Client: listenerv1.NewListenerClient(conn), Close: func() error {
			server.Stop()
			return errors.Join(conn.Close(), <-served)
		}}, err
	}
	return conformance.Plugin{Start: start, Event: "appointment.saved", Payload: []byte(`{}`), Panic: "panic", Slow: "slow"}
}

func TestEachCheckFindsItsFault(t *testing.T) {
	for _, fault := range []string{
		"", "start", "describe", "configuration accepted", "unknown key of the configuration refused", "health check answers",
		"unknown event is answered", "payload that is no JSON is answered", "payload of 5 MiB is answered", "batch answers each event once",
		"duplicate delivery repeats no receipt", "panic in the handler is a retry", "slow handler answers before its deadline",
		"stop refuses what comes after",
	} {
		t.Run(fault, func(t *testing.T) {
			for _, r := range conformance.Run(t.Context(), plugin(fault)) {
				// crooked is never slow at stop: that check is for real plugins.
				if r.OK == (r.Name == fault) && r.Name != "slow handler is counted at stop" {
					t.Errorf("%s: OK is %t: %s", r.Name, r.OK, r.Detail)
				}
			}
		})
	}
}

func TestBinaryThatIsNoPlugin(t *testing.T) {
	script := func(text string) string {
		path := filepath.Join(t.TempDir(), "plugin")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tests := []struct{ name, path, says string }{
		{"missing", filepath.Join(t.TempDir(), "none"), "no such file"},
		{"ends", script("exit 3"), "exit status 3"},
		{"chatters and ends", script("echo hello; exit 3"), `first line on stdout was "hello"`},
		{"other version", script("echo '1|7|unix|/x|grpc'; cat"), "protocol version 7"},
		{"net/rpc", script("echo '1|1|unix|/x|netrpc'; cat"), "must be grpc"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			results := conformance.Run(t.Context(), conformance.Binary(tt.path, io.Discard))
			if len(results) != 1 || !strings.Contains(conformance.Failed(results), tt.says) {
				t.Errorf("results %v, want one that says %q", results, tt.says)
			}
		})
	}
}
