package main

import (
	"context"
	"errors"
	"os"
	"slices"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// node is the part of a CSI driver that runs on every node
// (https://github.com/container-storage-interface/spec/blob/master/spec.md#node-service-rpc).
type node struct {
	csi.UnimplementedNodeServer
	name, shared string
}

func (n *node) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: n.name}, nil
}

func (n *node) NodeGetCapabilities(
	context.Context, *csi.NodeGetCapabilitiesRequest,
) (*csi.NodeGetCapabilitiesResponse, error) {
	return &csi.NodeGetCapabilitiesResponse{}, nil
}

func (n *node) NodePublishVolume(
	_ context.Context, request *csi.NodePublishVolumeRequest,
) (*csi.NodePublishVolumeResponse, error) {
	mount := request.GetVolumeCapability().GetMount()
	if mount == nil {
		return nil, status.Error(codes.InvalidArgument, "EFS offers file systems, not block devices")
	}
	wanted, err := resolve(request, mount.GetMountFlags())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	source, err := wanted.source(n.shared)
	if err != nil {
		return nil, status.Errorf(codes.Internal, "could not mount %q: %v", request.GetVolumeId(), err)
	}
	readOnly := request.GetReadonly() || slices.Contains(mount.GetMountFlags(), "ro")
	if err := bind(source, request.GetTargetPath(), readOnly); err != nil {
		return nil, status.Errorf(codes.Internal, "could not mount %q: %v", request.GetVolumeId(), err)
	}
	return &csi.NodePublishVolumeResponse{}, nil
}

func resolve(request *csi.NodePublishVolumeRequest, options []string) (volume, error) {
	wanted, err := parseHandle(request.GetVolumeId())
	if err != nil {
		return wanted, err
	}
	if wanted, err = wanted.applyAttributes(request.GetVolumeContext()); err != nil {
		return wanted, err
	}
	return wanted.applyOptions(options)
}

func (n *node) NodeUnpublishVolume(
	_ context.Context, request *csi.NodeUnpublishVolumeRequest,
) (*csi.NodeUnpublishVolumeResponse, error) {
	if err := unbind(request.GetTargetPath()); err != nil {
		return nil, status.Errorf(codes.Internal, "could not unmount %q: %v", request.GetTargetPath(), err)
	}
	return &csi.NodeUnpublishVolumeResponse{}, nil
}

// bind mounts source on target; a call again changes nothing, as CSI asks for.
func bind(source, target string, readOnly bool) error {
	mounted, err := isMountPoint(target)
	if err != nil || mounted {
		return err
	}
	if err := os.MkdirAll(target, 0o750); err != nil {
		return err
	}
	if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	if !readOnly {
		return nil
	}
	// A bind mount takes flags only when it is mounted once more.
	return unix.Mount("", target, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
}

func unbind(target string) error {
	mounted, err := isMountPoint(target)
	if err != nil {
		return err
	}
	if mounted {
		if err := unix.Unmount(target, 0); err != nil {
			return err
		}
	}
	if err := os.Remove(target); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// isMountPoint asks the kernel: comparing device numbers, as is usual, cannot tell a
// bind mount of the same file system.
func isMountPoint(target string) (bool, error) {
	var found unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, target, unix.AT_SYMLINK_NOFOLLOW, 0, &found)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if found.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT == 0 {
		return false, errors.New("the kernel does not tell mount points; Linux 5.8 or newer does")
	}
	return found.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, nil
}
