package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"time"

	"github.com/cilium/cilium/pkg/hubble/container"
	"github.com/cilium/cilium/pkg/hubble/observer"
	"github.com/cilium/cilium/pkg/hubble/observer/namespace"
	"github.com/cilium/cilium/pkg/hubble/observer/observeroption"
	"github.com/cilium/cilium/pkg/hubble/server"
	"github.com/cilium/cilium/pkg/hubble/server/serveroption"
	nodetypes "github.com/cilium/cilium/pkg/node/types"
)

// node is one agent's Hubble: an observer with its ring, and the servers that show it.
type node struct {
	log      *slog.Logger
	observer *observer.LocalObserverServer
	socket   string
	address  string
	peer     string // plaintext address for the relay; empty when address is plaintext
	tls      tlsFiles
	servers  []*server.Server
}

func runNode(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("node", flag.ExitOnError)
	name := flags.String("name", "feeder", "node name, as cluster/node or node")
	ring := flags.Int("ring", 4095, "events the ring holds, one less than a power of two")
	n := &node{log: newLogger()}
	flags.StringVar(&n.socket, "socket", "", "unix socket to serve on, plaintext")
	flags.StringVar(&n.address, "listen", "127.0.0.1:0", "TCP address to serve on")
	flags.StringVar(&n.peer, "peer-listen", "127.0.0.1:0", "plaintext TCP address for the relay, used when the other one is TLS")
	n.tls.register(flags)
	feeding := feedOptions{}
	feeding.register(flags)
	if err := flags.Parse(args); err != nil {
		return err
	}
	nodetypes.SetName(*name)

	capacity, err := container.NewCapacity(*ring)
	if err != nil {
		return err
	}
	if n.address, err = chooseAddress(n.address); err != nil {
		return err
	}
	if n.tls.cert == "" {
		n.peer = n.address
	} else if n.peer, err = chooseAddress(n.peer); err != nil {
		return err
	}
	feed := newFeed(*name, feeding)
	n.observer, err = observer.NewLocalServer(feed, namespace.NewManager(), n.log,
		observeroption.WithMaxFlows(capacity), observeroption.WithLostEventSendInterval(time.Second))
	if err != nil {
		return err
	}
	go n.observer.Start()
	feed.events = n.observer.GetEventsChannel()
	feed.start()
	if err := n.open(); err != nil {
		return err
	}
	report(map[string]any{"ready": "node", "name": *name, "address": n.address, "socket": n.socket, "peerAddress": n.peer})
	return feed.run(ctx, n)
}

// open serves on every address; the ring stays as it is, so that what happened meanwhile can be asked for.
func (n *node) open() error {
	tlsConfig, err := n.tls.config(n.log)
	if err != nil {
		return err
	}
	secure := serveroption.WithInsecure()
	if tlsConfig != nil {
		secure = serveroption.WithServerTLS(tlsConfig)
	}
	listeners := [][]serveroption.Option{{serveroption.WithTCPListener(n.address), secure}}
	if n.peer != n.address {
		listeners = append(listeners, []serveroption.Option{serveroption.WithTCPListener(n.peer), serveroption.WithInsecure()})
	}
	if n.socket != "" {
		listeners = append(listeners, []serveroption.Option{serveroption.WithUnixSocketListener(n.log, n.socket), serveroption.WithInsecure()})
	}
	for _, options := range listeners {
		options = append(options, serveroption.WithObserverService(n.observer), serveroption.WithHealthService())
		s, err := server.NewServer(n.log, options...)
		if err != nil {
			return fmt.Errorf("serve: %w", err)
		}
		n.servers = append(n.servers, s)
		go func() {
			if err := s.Serve(); err != nil {
				n.log.Error("serve", "error", err)
			}
		}()
	}
	return nil
}

// close ends every connection at once and stops listening.
func (n *node) close() {
	for _, s := range n.servers {
		s.Stop()
	}
	n.servers = nil
}
