// Command netns-forward gives a TCP port of another network namespace an address in the present one: it listens here and
// connects there. One small process a port, so that killing it is a connection that breaks and nothing else.
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"

	"github.com/vishvananda/netns"
)

func main() {
	pid := flag.Int("pid", 0, "a process in the other network namespace")
	listen := flag.String("listen", "", "address to listen on here, host:port")
	target := flag.String("to", "", "address to connect to there, IP:port")
	flag.Parse()
	there, err := netns.GetFromPid(*pid)
	exitOn(err)
	listener, err := net.Listen("tcp", *listen)
	exitOn(err)
	for {
		connection, err := listener.Accept()
		exitOn(err)
		go forward(connection.(*net.TCPConn), there, *target)
	}
}

func forward(here *net.TCPConn, there netns.NsHandle, target string) {
	defer here.Close()
	far, err := dialIn(there, target)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		// The client of a port that nobody serves sees a reset, as it would without a forwarder between.
		_ = here.SetLinger(0)
		return
	}
	defer far.Close()
	done := make(chan struct{}, 2)
	go pipe(far, here, done)
	go pipe(here, far, done)
	<-done
	<-done
}

func pipe(to, from *net.TCPConn, done chan<- struct{}) {
	_, err := io.Copy(to, from)
	if err != nil {
		// A reset on one side ends both.
		_ = to.SetLinger(0)
		to.Close()
		from.Close()
	} else {
		_ = to.CloseWrite()
	}
	done <- struct{}{}
}

// dialIn connects from the other namespace. Its thread is never unlocked, so it ends with the goroutine and does not come
// back into use in the wrong namespace.
func dialIn(there netns.NsHandle, target string) (*net.TCPConn, error) {
	type answer struct {
		connection net.Conn
		err        error
	}
	answers := make(chan answer, 1)
	go func() {
		runtime.LockOSThread()
		if err := netns.Set(there); err != nil {
			answers <- answer{err: err}
			return
		}
		connection, err := net.Dial("tcp", target)
		answers <- answer{connection, err}
	}()
	result := <-answers
	if result.err != nil {
		return nil, result.err
	}
	return result.connection.(*net.TCPConn), nil
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "netns-forward:", err)
		os.Exit(1)
	}
}
