// Command podnet joins the pod networks of the cluster's nodes.
//
// It stands for kindnet, which kindest/node brings along and which can only be had
// from an image registry. On every node it writes the CNI configuration with the
// node's own spec.podCIDR (a node is NotReady until then), routes the pod networks of
// the other nodes by their InternalIP, and hides pods behind the node's address when
// they leave the cluster. It watches nodes, so a restarted node that comes back with
// another address is routed anew.
//
// It does not enforce NetworkPolicy, and knows IPv4 only.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// repairEvery bounds how long a route that something else removed stays away.
const repairEvery = 30 * time.Second

func main() {
	confDir := flag.String("cni-dir", "/etc/cni/net.d", "folder of CNI configurations")
	podSubnet := flag.String("pod-subnet", "10.244.0.0/16", "the network of all pods")
	flag.Parse()
	if err := run(*confDir, *podSubnet, os.Getenv("NODE_NAME")); err != nil {
		slog.Error("podnet ends", "error", err)
		os.Exit(1)
	}
}

func run(confDir, podSubnet, self string) error {
	if self == "" {
		return fmt.Errorf("NODE_NAME is empty: set it from spec.nodeName")
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	// kube-proxy may not have programmed the API server's Service yet.
	if endpoint := os.Getenv("CONTROL_PLANE_ENDPOINT"); endpoint != "" {
		config.Host = "https://" + endpoint
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if err := masquerade(podSubnet); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	factory := informers.NewSharedInformerFactory(client, repairEvery)
	nodes := factory.Core().V1().Nodes().Informer()
	_, err = nodes.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { settle(object, self, confDir) },
		UpdateFunc: func(_, object any) { settle(object, self, confDir) },
		DeleteFunc: forget,
	})
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	<-ctx.Done()
	return nil
}

// settle makes this node agree with one node's spec: its own CNI configuration, or
// the route to another's pods. A failure is logged; the next resync tries again.
func settle(object any, self, confDir string) {
	node, isNode := object.(*corev1.Node)
	if !isNode || node.Spec.PodCIDR == "" {
		return
	}
	var err error
	if node.Name == self {
		err = writeConfig(confDir, node.Spec.PodCIDR)
	} else {
		err = route(node.Spec.PodCIDR, internalIP(node))
	}
	if err != nil {
		slog.Error("node not settled", "node", node.Name, "podCIDR", node.Spec.PodCIDR, "error", err)
	}
}

func forget(object any) {
	if gone, isTombstone := object.(cache.DeletedFinalStateUnknown); isTombstone {
		object = gone.Obj
	}
	if node, isNode := object.(*corev1.Node); isNode && node.Spec.PodCIDR != "" {
		if err := unroute(node.Spec.PodCIDR); err != nil {
			slog.Error("route not removed", "node", node.Name, "error", err)
		}
	}
}

func internalIP(node *corev1.Node) string {
	for _, address := range node.Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			return address.Address
		}
	}
	return ""
}
