package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	fileSystemID  = regexp.MustCompile(`^fs-[0-9a-f]{8,40}$`)
	accessPointID = regexp.MustCompile(`^fsap-[0-9a-f]{8,40}$`)
	neverThere    = regexp.MustCompile(`-0{8,40}$`)
	// The options of amazon-efs-utils that have a meaning, or none but no harm, here.
	mountOptions = []string{"tls", "iam", "ro", "rw", "noresvport", "_netdev"}
)

// accessPointOwner is the user that the project's images run as.
const accessPointOwner = 10001

// volume is a parsed volumeHandle: a file system and, in it, a path or an access point.
type volume struct {
	fileSystem, path, accessPoint string
}

// parseHandle reads a handle as the EFS CSI driver does
// (https://github.com/kubernetes-sigs/aws-efs-csi-driver/blob/master/docs/README.md).
func parseHandle(handle string) (volume, error) {
	parts := strings.Split(handle, ":")
	if len(parts) > 3 {
		return volume{}, fmt.Errorf(
			"volume ID %q has %d parts; write fs-ID, fs-ID:/path or fs-ID::fsap-ID", handle, len(parts))
	}
	parts = append(parts, "", "")
	parsed := volume{fileSystem: parts[0], accessPoint: parts[2]}
	if parts[1] != "" {
		if !path.IsAbs(parts[1]) {
			return volume{}, fmt.Errorf("path %q of volume ID %q is not absolute", parts[1], handle)
		}
		parsed.path = path.Clean(parts[1])
	}
	if !fileSystemID.MatchString(parsed.fileSystem) {
		return volume{}, fmt.Errorf("volume ID %q does not begin with a file system such as fs-0123456789abcdef0", handle)
	}
	if parsed.accessPoint != "" && !accessPointID.MatchString(parsed.accessPoint) {
		return volume{}, fmt.Errorf("%q of volume ID %q is no access point such as fsap-0123456789abcdef0", parsed.accessPoint, handle)
	}
	return parsed, nil
}

// applyAttributes takes a PersistentVolume's volumeAttributes into the volume.
func (v volume) applyAttributes(attributes map[string]string) (volume, error) {
	for key, value := range attributes {
		switch lower := strings.ToLower(key); {
		case lower == "path":
			if !path.IsAbs(value) {
				return v, fmt.Errorf("volume context property %q must be an absolute path", key)
			}
			if v.path == "" {
				v.path = path.Clean(value)
			}
		case lower == "encryptintransit" || lower == "crossaccount":
			if _, err := strconv.ParseBool(value); err != nil {
				return v, fmt.Errorf("volume context property %q must be a boolean value, not %q", key, value)
			}
		case lower == "mounttargetip" || strings.HasPrefix(lower, "csi.storage.k8s.io/"):
		default:
			return v, fmt.Errorf("volume context property %s not supported", key)
		}
	}
	return v, nil
}

// applyOptions refuses mount options that mount.efs would refuse; accesspoint=ID is
// taken into the volume.
func (v volume) applyOptions(options []string) (volume, error) {
	for _, option := range options {
		if id, found := strings.CutPrefix(option, "accesspoint="); found {
			if v.accessPoint != "" && v.accessPoint != id {
				return v, fmt.Errorf("mount option %q contradicts access point %s of the volume ID", option, v.accessPoint)
			}
			v.accessPoint = id
			continue
		}
		if !slices.Contains(mountOptions, option) {
			return v, fmt.Errorf("mount option %q is not known to mount.efs", option)
		}
	}
	return v, nil
}

// source gives the folder under shared that the volume stands for. It makes the file
// system and the access point, which exist in the cloud before anything mounts them,
// but never a path.
func (v volume) source(shared string) (string, error) {
	if neverThere.MatchString(v.fileSystem) {
		return "", fmt.Errorf("failed to resolve %q: the file system does not exist", v.fileSystem)
	}
	root := filepath.Join(shared, v.fileSystem)
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", err
	}
	if v.accessPoint != "" {
		if neverThere.MatchString(v.accessPoint) {
			return "", fmt.Errorf("access point %q does not exist in %s", v.accessPoint, v.fileSystem)
		}
		root = filepath.Join(root, ".access-points", v.accessPoint)
		if err := makeOwned(root); err != nil {
			return "", err
		}
	}
	source := filepath.Join(root, v.path)
	if _, err := os.Stat(source); errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("mount.nfs4: mounting %s:%s failed, reason given by server: No such file or directory",
			v.fileSystem, v.path)
	} else if err != nil {
		return "", err
	}
	return source, nil
}

func makeOwned(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	// In the cloud an access point acts as its own user, whoever writes. A bind mount cannot,
	// and the kubelet makes the folder of a subPath as root, with the mode of the volume's root.
	if err := os.Chmod(dir, 0o777); err != nil {
		return err
	}
	return os.Chown(dir, accessPointOwner, accessPointOwner)
}
