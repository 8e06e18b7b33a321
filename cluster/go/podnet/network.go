package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/vishvananda/netlink"
)

// A veth pair per pod instead of a bridge: traffic between pods of one node is routed
// and so passes kube-proxy's rules, whether or not the host has br_netfilter.
const conflist = `{
  "cniVersion": "1.0.0",
  "name": "podnet",
  "plugins": [
    {
      "type": "ptp",
      "ipMasq": false,
      "ipam": {
        "type": "host-local",
        "dataDir": "/run/podnet",
        "ranges": [[{"subnet": %q}]],
        "routes": [{"dst": "0.0.0.0/0"}]
      }
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
`

// writeConfig writes the CNI configuration of a node whose pods live in podCIDR,
// in one step, because containerd reads the folder as soon as a file appears.
func writeConfig(dir, podCIDR string) error {
	wanted := fmt.Appendf(nil, conflist, podCIDR)
	path := filepath.Join(dir, "10-podnet.conflist")
	present, err := os.ReadFile(path)
	if err == nil && bytes.Equal(present, wanted) {
		return nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	temporary := filepath.Join(dir, ".10-podnet.tmp")
	if err := os.WriteFile(temporary, wanted, 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

func route(podCIDR, via string) error {
	gateway := net.ParseIP(via)
	if gateway == nil {
		return fmt.Errorf("no InternalIP to route %s by", podCIDR)
	}
	_, network, err := net.ParseCIDR(podCIDR)
	if err != nil {
		return err
	}
	return netlink.RouteReplace(&netlink.Route{Dst: network, Gw: gateway})
}

func unroute(podCIDR string) error {
	_, network, err := net.ParseCIDR(podCIDR)
	if err != nil {
		return err
	}
	err = netlink.RouteDel(&netlink.Route{Dst: network})
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// masquerade gives traffic from pods to the world outside the cluster the node's
// address; between pods the sender's own address stays to be seen.
func masquerade(podSubnet string) error {
	rule := []string{"POSTROUTING", "-s", podSubnet, "!", "-d", podSubnet, "-j", "MASQUERADE"}
	if iptables("-C", rule) == nil {
		return nil
	}
	return iptables("-A", rule)
}

func iptables(verb string, rule []string) error {
	command := exec.Command("iptables", append([]string{"-w", "-t", "nat", verb}, rule...)...)
	output, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("iptables %s: %w: %s", verb, err, bytes.TrimSpace(output))
	}
	return nil
}
