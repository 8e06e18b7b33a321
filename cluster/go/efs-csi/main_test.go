package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

// TestRefusedRegistrationEndsTheProcess plays the kubelet that cannot reach the API server.
func TestRefusedRegistrationEndsTheProcess(t *testing.T) {
	kubelet := t.TempDir()
	ended := make(chan error, 1)
	go func() { ended <- run(t.TempDir(), kubelet, "worker") }()

	socket := filepath.Join(kubelet, "plugins_registry", driverName+"-reg.sock")
	connection, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	client := registration.NewRegistrationClient(connection)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, status := range []*registration.RegistrationStatus{
		{PluginRegistered: true},
		{PluginRegistered: false, Error: "no API server"},
	} {
		if _, err := client.NotifyRegistrationStatus(ctx, status, grpc.WaitForReady(true)); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "no API server") {
			t.Fatalf("ended with %v", err)
		}
	case <-ctx.Done():
		t.Fatal("it went on unregistered")
	}
}
