package client

import (
	"fmt"
	"net"

	"github.com/hashicorp/go-plugin"

	"github.com/earshot-host/earshot/sdk/internal/wire"
)

// AttachKey names the variable by which somebody lets the host use a process
// that a debugger has started; AddrKey the one that tells a plugin at which address,
// "unix:" and a path, it may serve instead of printing the handshake line.
const (
	AttachKey = wire.AttachKey
	AddrKey   = wire.AddrKey
)

// Attach reads the value of AttachKey: which listener it is about, and what
// go-plugin needs to reach it. With it, ClientConfig.Plugins must be set, to
// Versions()[cfg.ProtocolVersion]: go-plugin does not look at VersionedPlugins
// when it attaches. The host leaves such a process running, and
// gives its calls no deadline.
func Attach(value string) (listener string, cfg *plugin.ReattachConfig, err error) {
	a, err := wire.ParseAttach(value)
	if err != nil {
		return "", nil, err
	}
	var addr net.Addr
	switch a.Network {
	case "unix":
		addr, err = net.ResolveUnixAddr(a.Network, a.Address)
	case "tcp":
		addr, err = net.ResolveTCPAddr(a.Network, a.Address)
	default:
		err = fmt.Errorf("network %q is neither unix nor tcp", a.Network)
	}
	if err != nil {
		return "", nil, fmt.Errorf("read %s: %w", AttachKey, err)
	}
	return a.Listener, &plugin.ReattachConfig{
		Protocol: plugin.ProtocolGRPC, ProtocolVersion: a.Version, Addr: addr, Pid: a.Pid, Test: true,
	}, nil
}
