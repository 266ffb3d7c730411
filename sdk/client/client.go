// Package client is the host's side of the wire. Plugin authors need it only
// through sdktest; they import sdk.
package client

import (
	"context"
	"errors"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/earshot-host/earshot/sdk/internal/wire"
	listenerv1 "github.com/earshot-host/earshot/sdk/proto/listener/v1"
)

// Plugin is the name to dispense from a go-plugin client; what comes out is a
// listenerv1.ListenerClient.
const Plugin = wire.Plugin

// MaxMessage bounds a message either way, in bytes.
const MaxMessage = wire.MaxMessage

// Handshake is what go-plugin sends a plugin first.
func Handshake() plugin.HandshakeConfig { return wire.Handshake() }

// Versions are the protocol's major versions that this side speaks.
func Versions() map[int]plugin.PluginSet {
	return map[int]plugin.PluginSet{wire.Version: {Plugin: &listener{}}}
}

// DialOptions bound the size of messages, and what may be under way, as the
// other side does.
func DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxMessage), grpc.MaxCallSendMsgSize(MaxMessage)),
		grpc.WithInitialWindowSize(wire.Window), grpc.WithInitialConnWindowSize(wire.Window),
	}
}

type listener struct{ plugin.NetRPCUnsupportedPlugin }

var _ plugin.GRPCPlugin = (*listener)(nil)

func (*listener) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return listenerv1.NewListenerClient(conn), nil
}

func (*listener) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error {
	return errors.New("the host serves no listener")
}
