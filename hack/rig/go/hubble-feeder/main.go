// Command hubble-feeder is Hubble without a datapath: the real observer server of a Cilium agent, or the real relay, fed
// with events from JSON lines instead of the kernel. Ring, filters, follow, lost events and node status are upstream's.
//
//	hubble-feeder node  --name kind-worker --socket hubble.sock --listen 127.0.0.1:0 < flows.jsonl
//	hubble-feeder relay --listen 127.0.0.1:4245 --peer kind-worker=127.0.0.1:4244
//
// Each is one process, so that a test can kill it like an agent that crashes. Ready, progress and answers to commands
// are JSON lines on stdout; logs go to stderr. The end of stdin ends the process, so that none outlives its parent.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

func main() {
	commands := map[string]func(context.Context, []string) error{"node": runNode, "relay": runRelay}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: hubble-feeder node|relay [flags]  (-h for the flags)")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := commands[os.Args[1]](ctx, os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "hubble-feeder:", err)
		os.Exit(1)
	}
}

func newLogger() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

var stdout sync.Mutex

// report writes one JSON line for the parent process.
func report(fields map[string]any) {
	line, err := json.Marshal(fields)
	if err != nil {
		panic(err) // only strings and numbers are reported
	}
	stdout.Lock()
	defer stdout.Unlock()
	fmt.Println(string(line))
}
