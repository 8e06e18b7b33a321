// Command efs-csi stands for the Amazon EFS CSI driver on the local cluster.
//
// It registers with the kubelet as efs.csi.aws.com, so that the PersistentVolume a pod
// mounts here is to the letter the one that EKS gets. A file system is a folder of the
// directory that all nodes share with the host; a mount binds it into the pod.
//
// As on EFS: the handles fs-ID, fs-ID:/path and fs-ID::fsap-ID; a path has to exist;
// the root of a file system belongs to root, so pods that run as another user need an
// access point; an attribute or mount option that the driver does not know fails the
// mount. The file system fs-00000000 and the access point fsap-00000000 never exist,
// so that a wrong handle can be tried out; any other comes to be when first mounted.
//
// What it does not do: NFS, its locks and its latency; TLS and IAM; dynamic
// provisioning; quotas. An access point owns its root directory (10001:10001) but does
// not impose its user on every operation, as EFS would.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

const driverName = "efs.csi.aws.com"

func main() {
	shared := flag.String("shared", "/var/lib/bookstore-efs", "directory that all nodes share")
	kubelet := flag.String("kubelet", "/var/lib/kubelet", "the kubelet's directory")
	flag.Parse()
	if err := run(*shared, *kubelet, os.Getenv("NODE_NAME")); err != nil {
		slog.Error("efs-csi ends", "error", err)
		os.Exit(1)
	}
}

func run(shared, kubelet, nodeName string) error {
	if nodeName == "" {
		return errors.New("NODE_NAME is empty: set it from spec.nodeName")
	}
	csiSocket := filepath.Join(kubelet, "plugins", driverName, "csi.sock")
	driver := grpc.NewServer()
	csi.RegisterIdentityServer(driver, identity{})
	csi.RegisterNodeServer(driver, &node{name: nodeName, shared: shared})

	// One for each server and one for the registration.
	ended := make(chan error, 3)
	registrar := grpc.NewServer()
	registration.RegisterRegistrationServer(registrar, registrationServer{endpoint: csiSocket, ended: ended})
	registrarSocket := filepath.Join(kubelet, "plugins_registry", driverName+"-reg.sock")

	for socket, server := range map[string]*grpc.Server{csiSocket: driver, registrarSocket: registrar} {
		listener, err := listen(socket)
		if err != nil {
			return err
		}
		go func() { ended <- server.Serve(listener) }()
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		driver.GracefulStop()
		registrar.GracefulStop()
		return nil
	}
}

// listen opens a Unix socket anew: one that a killed predecessor left is no longer served.
func listen(socket string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(socket), 0o750); err != nil {
		return nil, err
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return net.Listen("unix", socket)
}

// registrationServer tells the kubelet where the driver listens
// (https://kubernetes-csi.github.io/docs/node-driver-registrar.html).
type registrationServer struct {
	registration.UnimplementedRegistrationServer
	endpoint string
	ended    chan<- error
}

func (s registrationServer) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return &registration.PluginInfo{
		Type:              registration.CSIPlugin,
		Name:              driverName,
		Endpoint:          s.endpoint,
		SupportedVersions: []string{"1.0.0"},
	}, nil
}

func (s registrationServer) NotifyRegistrationStatus(
	_ context.Context, status *registration.RegistrationStatus,
) (*registration.RegistrationStatusResponse, error) {
	if !status.PluginRegistered {
		// The kubelet asks a socket that it knows no second time: start again with a new
		// one, as the real registrar does. It refuses while the API server is away.
		select {
		case s.ended <- fmt.Errorf("the kubelet refused the registration: %s", status.Error):
		default:
		}
	}
	return &registration.RegistrationStatusResponse{}, nil
}

type identity struct {
	csi.UnimplementedIdentityServer
}

func (identity) GetPluginInfo(context.Context, *csi.GetPluginInfoRequest) (*csi.GetPluginInfoResponse, error) {
	return &csi.GetPluginInfoResponse{Name: driverName, VendorVersion: "local"}, nil
}

func (identity) GetPluginCapabilities(
	context.Context, *csi.GetPluginCapabilitiesRequest,
) (*csi.GetPluginCapabilitiesResponse, error) {
	return &csi.GetPluginCapabilitiesResponse{}, nil
}

func (identity) Probe(context.Context, *csi.ProbeRequest) (*csi.ProbeResponse, error) {
	return &csi.ProbeResponse{}, nil
}
