package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	peerpb "github.com/cilium/cilium/api/v1/peer"
	relay "github.com/cilium/cilium/pkg/hubble/relay/server"
	"github.com/cilium/cilium/pkg/hubble/server"
	"github.com/cilium/cilium/pkg/hubble/server/serveroption"
	nodetypes "github.com/cilium/cilium/pkg/node/types"
)

// peers is the peer service an agent offers: the fixed list of the nodes given as flags.
type peers []*peerpb.ChangeNotification

func (p *peers) String() string { return "" }

func (p *peers) Set(value string) error {
	name, address, found := strings.Cut(value, "=")
	if !found {
		return fmt.Errorf("want name=ip:port")
	}
	*p = append(*p, &peerpb.ChangeNotification{Name: name, Address: address, Type: peerpb.ChangeNotificationType_PEER_ADDED})
	return nil
}

// Notify implements peerpb.PeerServer.
func (p *peers) Notify(_ *peerpb.NotifyRequest, stream peerpb.Peer_NotifyServer) error {
	for _, change := range *p {
		if err := stream.Send(change); err != nil {
			return err
		}
	}
	<-stream.Context().Done()
	return nil
}

func runRelay(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("relay", flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:0", "TCP address to serve on")
	retry := flags.Duration("retry", 200*time.Millisecond, "wait before a lost node is tried again (upstream: 30s)")
	nodes := &peers{}
	flags.Var(nodes, "peer", "name=ip:port of a node, plaintext; may be repeated")
	files := tlsFiles{}
	files.register(flags)
	if err := flags.Parse(args); err != nil {
		return err
	}
	nodetypes.SetName("relay")
	log := newLogger()
	address, err := chooseAddress(*listen)
	if err != nil {
		return err
	}
	health, err := chooseAddress("127.0.0.1:0")
	if err != nil {
		return err
	}
	directory, err := os.MkdirTemp("", "hubble-peers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	socket := filepath.Join(directory, "peers.sock")
	directoryOfPeers, err := server.NewServer(log, serveroption.WithUnixSocketListener(log, socket), serveroption.WithInsecure(), serveroption.WithPeerService(nodes))
	if err != nil {
		return err
	}
	failed := make(chan error, 2)
	go func() { failed <- directoryOfPeers.Serve() }()

	tlsConfig, err := files.config(log)
	if err != nil {
		return err
	}
	secure := relay.WithInsecureServer()
	if tlsConfig != nil {
		secure = relay.WithServerTLS(tlsConfig)
	}
	r, err := relay.New(relay.WithLogger(log), relay.WithPeerTarget("unix://"+socket), relay.WithInsecureClient(), secure,
		relay.WithListenAddress(address), relay.WithHealthListenAddress(health), relay.WithRetryTimeout(*retry))
	if err != nil {
		return err
	}
	go func() { failed <- r.Serve() }()
	report(map[string]any{"ready": "relay", "address": address})

	go func() { _, _ = io.Copy(io.Discard, os.Stdin); failed <- nil }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}
