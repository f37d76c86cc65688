package main

import (
	"flag"
	"log/slog"
	"net"

	"github.com/cilium/cilium/pkg/crypto/certloader"
)

// tlsFiles are the flags that turn a TCP listener into TLS, or mutual TLS when a client CA is given.
type tlsFiles struct{ cert, key, clientCA string }

func (f *tlsFiles) register(flags *flag.FlagSet) {
	flags.StringVar(&f.cert, "tls-cert", "", "server certificate file; empty means plaintext")
	flags.StringVar(&f.key, "tls-key", "", "private key file")
	flags.StringVar(&f.clientCA, "tls-client-ca", "", "CA file that clients must have a certificate of (mutual TLS)")
}

// config is nil for plaintext. Files are watched and reloaded as the agent does.
func (f *tlsFiles) config(log *slog.Logger) (certloader.ServerConfigBuilder, error) {
	if f.cert == "" {
		return nil, nil
	}
	var clientCAs []string
	if f.clientCA != "" {
		clientCAs = []string{f.clientCA}
	}
	return certloader.NewWatchedServerConfig(log, clientCAs, f.cert, f.key)
}

// chooseAddress replaces port 0 by a free port, so that a server can be closed and opened again at the same address.
func chooseAddress(address string) (string, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
