package mariadb

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Cluster is a Galera cluster on the loopback.
type Cluster struct{ Nodes []*Server }

// provider is where Debian's galera-4 puts it.
const provider = "/usr/lib/galera/libgalera_smm.so"

// NewCluster makes and starts n nodes in folders of dir.
func NewCluster(ctx context.Context, dir string, n int) (*Cluster, error) {
	c := &Cluster{}
	// For each: the group's, that of what was missed, and that of whole copies.
	ports := make([][3]int, n)
	members := make([]string, n)
	for i := range n {
		for j := range 3 {
			var err error
			if ports[i][j], err = freePort(ctx); err != nil {
				return nil, err
			}
		}
		members[i] = fmt.Sprintf("127.0.0.1:%d", ports[i][0])
	}
	for i := range n {
		opt := Options{
			Args: nodeArgs(i+1, ports[i], strings.Join(members, ",")),
			Node: true,
		}
		if i > 0 {
			opt.CopyOf = c.Nodes[0]
		}
		s, err := New(ctx, filepath.Join(dir, fmt.Sprintf("node%d", i+1)), opt)
		if err != nil {
			return c, err
		}
		c.Nodes = append(c.Nodes, s)
		if i == 0 {
			// The others begin as copies of the first, which is faster than
			// three transfers of a whole database.
			if err := errors.Join(s.Start(ctx, bootstrap), s.Stop()); err != nil {
				return c, fmt.Errorf("start the first node (is galera-4 installed?): %w", err)
			}
		}
	}
	for i, s := range c.Nodes {
		var first []string
		if i == 0 {
			first = []string{bootstrap}
		}
		if err := s.Start(ctx, first...); err != nil {
			return c, fmt.Errorf("start node %d: %w", i+1, err)
		}
	}
	return c, nil
}

const bootstrap = "--wsrep-new-cluster"

func nodeArgs(number int, ports [3]int, members string) []string {
	return []string{
		"--wsrep-on=ON", "--wsrep-provider=" + provider, "--binlog-format=ROW", "--innodb-autoinc-lock-mode=2",
		"--wsrep-cluster-name=chaos", fmt.Sprintf("--wsrep-node-name=node%d", number),
		"--wsrep-cluster-address=gcomm://" + members,
		fmt.Sprintf("--wsrep-node-address=127.0.0.1:%d", ports[0]),
		"--wsrep-sst-method=rsync", fmt.Sprintf("--wsrep-sst-receive-address=127.0.0.1:%d", ports[2]),
		"--wsrep-provider-options=" + strings.Join([]string{
			fmt.Sprintf("base_port=%d", ports[0]), fmt.Sprintf("gmcast.listen_addr=tcp://127.0.0.1:%d", ports[0]),
			fmt.Sprintf("ist.recv_addr=127.0.0.1:%d", ports[1]), "gcache.size=256M",
			// A killed node is left behind after seconds, not after half a minute.
			"evs.keepalive_period=PT0.5S", "evs.suspect_timeout=PT3S", "evs.inactive_timeout=PT8S",
		}, ";"),
		"--innodb-buffer-pool-size=128M",
	}
}

// Close stops all nodes, the last to start first.
func (c *Cluster) Close() error {
	var err error
	for _, s := range slices.Backward(c.Nodes) {
		if e := s.Stop(); err == nil {
			err = e
		}
	}
	return err
}
