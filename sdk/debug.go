package sdk

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"github.com/earshot-host/earshot/sdk/internal/wire"
)

// debug serves until it is interrupted and prints the line that makes a host
// use this process instead of one of its own.
func (h *hand) debug(ctx context.Context, args []string) error {
	fs := h.flags("debug")
	name := fs.String("listener", h.service.opts.name, "the listener's name in events.yaml")
	if err := parse(fs, args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := NewService(ctx, h.listener, append(h.opts, LogTo(h.err), func(o *options) { o.attached = true })...)
	reattach := make(chan *plugin.ReattachConfig, 1)
	ended := make(chan struct{})
	go plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  wire.Handshake(),
		VersionedPlugins: s.versions(),
		Logger:           hclog.NewNullLogger(),
		GRPCServer:       newServer,
		Test:             &plugin.ServeTestConfig{Context: ctx, ReattachConfigCh: reattach, CloseCh: ended},
	})
	select {
	case r := <-reattach:
		line, err := wire.Attach{Listener: *name, Pid: r.Pid, Network: r.Addr.Network(), Address: r.Addr.String(), Version: r.ProtocolVersion}.Encode()
		if err != nil {
			return err
		}
		fmt.Fprintf(h.out, "%s='%s'\n", wire.AttachKey, line)
		fmt.Fprintln(h.err, "start the host with this in its environment; Ctrl-C ends the listener")
	case <-ended:
		return fmt.Errorf("the listener could not open a socket in %s", os.TempDir())
	}
	<-ended
	s.drain(ctx, hostGone)
	return nil
}
