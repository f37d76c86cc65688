// Command cilium-cni is Cilium's CNI plug-in, as upstream's own main package starts it.
package main

import (
	"runtime"

	"github.com/cilium/cilium/plugins/cilium-cni/cmd"
)

func init() {
	// Network namespaces belong to threads.
	runtime.LockOSThread()
}

func main() {
	cmd.PluginMain()
}
