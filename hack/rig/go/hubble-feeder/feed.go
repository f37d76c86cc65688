package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"github.com/cilium/cilium/pkg/hubble/observer/types"
)

// maxLine is the longest line that is read; a flow with large HTTP headers exceeds the scanner's default of 64 KiB.
const maxLine = 16 << 20

// idle is how long no event must have come before the ring is padded.
const idle = 20 * time.Millisecond

type feedOptions struct {
	input  string
	rate   float64
	speed  float64
	rebase bool
	pad    bool
}

func (o *feedOptions) register(flags *flag.FlagSet) {
	flags.StringVar(&o.input, "input", "", "file of JSON lines, or of the same packed as .gz, to feed before stdin")
	flags.Float64Var(&o.rate, "rate", 0, "events per second; 0 is as fast as they can be read")
	flags.Float64Var(&o.speed, "speed", 0, "pace by recorded time, this many times as fast; 0 is not paced")
	flags.BoolVar(&o.rebase, "rebase-time", false, "shift all times so that the first event happens now")
	flags.BoolVar(&o.pad, "pad", true, "keep the newest event readable by agent events, which clients of GetFlows do not see: "+
		"the ring shows its newest entry only when the next is written, and a stream opened on an empty ring stays mute")
}

// feed turns lines into events of one observer.
type feed struct {
	node     string
	options  feedOptions
	events   chan *types.MonitorEvent
	offset   time.Duration // added to every recorded time
	started  time.Time     // when the first event was fed
	first    time.Time     // the time it then had
	last     time.Time     // of the newest event, so that pads keep the ring in order
	fed      uint64
	unpadded bool
}

func newFeed(node string, options feedOptions) *feed {
	return &feed{node: node, options: options}
}

// start fills the ring to the two events below which a new stream would be mute.
func (f *feed) start() {
	if f.options.pad {
		f.pad()
		f.pad()
	}
}

func (f *feed) pad() {
	f.events <- &types.MonitorEvent{Timestamp: f.last, NodeName: f.node, Payload: &flowpb.AgentEvent{}}
	f.unpadded = false
}

// run feeds the file, then stdin until its end.
func (f *feed) run(ctx context.Context, n *node) error {
	if f.options.input != "" {
		input, err := openInput(f.options.input)
		if err != nil {
			return err
		}
		f.lines(ctx, n, input)
		report(map[string]any{"done": "input", "fed": f.fed})
	}
	f.lines(ctx, n, os.Stdin)
	n.close()
	return nil
}

// openInput opens a file that ends with the process, unpacked when its name says that it is packed.
func openInput(path string) (io.Reader, error) {
	file, err := os.Open(path)
	if err != nil || filepath.Ext(path) != ".gz" {
		return file, err
	}
	return gzip.NewReader(file)
}

func (f *feed) lines(ctx context.Context, n *node, reader io.Reader) {
	lines := make(chan []byte)
	go func() {
		defer close(lines)
		scanner := bufio.NewScanner(reader)
		scanner.Buffer(nil, maxLine)
		for scanner.Scan() {
			lines <- bytes.Clone(scanner.Bytes())
		}
	}()
	for {
		var quiet <-chan time.Time
		if f.options.pad && f.unpadded {
			quiet = time.After(idle)
		}
		select {
		case line, open := <-lines:
			if !open {
				return
			}
			f.line(ctx, n, line)
		case <-quiet:
			f.pad()
		case <-ctx.Done():
			return
		}
	}
}

// line is an event, or a command: {"cmd":"sync"} answers when all lines before it are in the ring; {"cmd":"close"} and
// {"cmd":"open"} take the servers away and bring them back, with the ring as it is.
func (f *feed) line(ctx context.Context, n *node, line []byte) {
	var command struct{ Cmd string }
	if len(bytes.TrimSpace(line)) == 0 {
		return
	}
	if json.Unmarshal(line, &command) == nil && command.Cmd != "" {
		if err := f.command(n, command.Cmd); err != nil {
			report(map[string]any{"error": err.Error(), "cmd": command.Cmd})
			return
		}
		report(map[string]any{"done": command.Cmd, "fed": f.fed})
		return
	}
	e, err := parseLine(line)
	if err != nil {
		report(map[string]any{"error": err.Error(), "line": f.fed + 1})
		return
	}
	f.event(ctx, e)
}

func (f *feed) command(n *node, name string) error {
	switch name {
	case "sync":
		if f.options.pad && f.unpadded {
			f.pad()
		}
		for len(f.events) > 0 {
			time.Sleep(time.Millisecond)
		}
		return nil
	case "close":
		n.close()
		return nil
	case "open":
		return n.open()
	}
	return fmt.Errorf("unknown command %q", name)
}

func (f *feed) event(ctx context.Context, e event) {
	if f.fed == 0 {
		f.started = time.Now()
		if f.options.rebase {
			f.offset = f.started.Sub(e.time)
		}
		f.first = e.time.Add(f.offset)
	}
	at := e.time.Add(f.offset)
	f.pace(ctx, at)
	f.events <- e.monitorEvent(f.node, at)
	f.fed++
	f.last = at
	f.unpadded = true
}

// pace waits until the event is due. What is waiting in the ring meanwhile is made readable.
func (f *feed) pace(ctx context.Context, at time.Time) {
	due := f.started
	switch {
	case f.options.speed > 0:
		due = due.Add(time.Duration(float64(at.Sub(f.first)) / f.options.speed))
	case f.options.rate > 0:
		due = due.Add(time.Duration(float64(f.fed) / f.options.rate * float64(time.Second)))
	}
	wait := time.Until(due)
	if wait > idle && f.options.pad && f.unpadded {
		f.pad()
	}
	if wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}
