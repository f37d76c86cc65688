// Command node is what makes a control plane a cluster, in one file: kubelet, kube-scheduler, Cilium's agent and operator,
// hubble-relay and the hubble command line, each the upstream command with its own flags, chosen by the first argument.
//
// One binary because they share most of their packages. The CNI plug-in runs once per pod and is a program of its own.
package main

import (
	"context"
	"fmt"
	"os"

	agent "github.com/cilium/cilium/daemon/cmd"
	relay "github.com/cilium/cilium/hubble-relay/cmd"
	hubble "github.com/cilium/cilium/hubble/cmd"
	operator "github.com/cilium/cilium/operator/cmd"
	"github.com/cilium/cilium/pkg/hive"
	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

func main() {
	if len(os.Args) < 2 {
		usage()
	}
	os.Args = os.Args[1:]
	switch os.Args[0] {
	case "kubelet":
		run(kubelet.NewKubeletCommand(context.Background()))
	case "kube-scheduler":
		run(scheduler.NewSchedulerCommand())
	case "cilium-agent":
		agent.Execute(agent.NewAgentCmd(func() *hive.Hive { return hive.New(agent.Agent) }))
	case "cilium-operator":
		operator.Execute(operator.NewOperatorCmd(hive.New(operator.Operator())))
	case "hubble":
		exitOn(hubble.Execute())
	case "hubble-relay":
		exitOn(relay.New().Execute())
	default:
		usage()
	}
}

func run(command *cobra.Command) {
	os.Exit(cli.Run(command))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: node kubelet|kube-scheduler|cilium-agent|cilium-operator|hubble|hubble-relay [flags]")
	os.Exit(2)
}
