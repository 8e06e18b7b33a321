"""The image of the cluster's nodes: kindest/node where it can be pulled, else our own."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from cluster import debian, hashing, programs
from cluster.builds import Builder
from cluster.errors import ClusterError
from cluster.registry import Registry
from cluster.settings import PACKAGE
from cluster.steps import Step

FILES = PACKAGE / "node"
# Raise it when the way this file puts the image together changes what is in it.
LAYOUT = "1"
# The repository in which kubeadm looks for the images that our own node brings along.
REPOSITORY = "kind.local"
PACKAGES = (
    "systemd-sysv", "dbus", "containerd", "runc", "iptables", "nftables", "conntrack", "ipset",
    "iproute2", "ethtool", "util-linux", "mount", "kmod", "containernetworking-plugins",
    "ca-certificates", "curl", "procps", "hostname", "busybox-static",
)  # fmt: skip


@dataclass(frozen=True)
class NodeImage:
    """A node image; `ours` tells whether kubeadm needs to be shown our repository."""

    reference: str
    ours: bool


def ensure(builder: Builder, registry: Registry, step: Step) -> NodeImage:
    """Give the node image, in this order: present, archived, pulled, built."""
    upstream = builder.settings.versions["KIND_NODE_IMAGE"]
    if builder.image_id(upstream):
        step.result(f"{upstream.partition('@')[0]} is present")
        return NodeImage(upstream, ours=False)
    inputs = _inputs(builder)
    own = NodeImage(f"bookstore/node:{inputs}", ours=True)
    archive = builder.settings.cache / "images" / f"node-{inputs}.tar"
    if builder.image_id(own.reference):
        step.result(f"{own.reference} is present")
    elif archive.exists():
        step.note("loading the archived image")
        builder.docker.run("load", "--input", archive)
        step.result(f"{own.reference} from the cache")
    elif registry.pull(upstream, step):
        step.result(f"{upstream.partition('@')[0]} pulled")
        return NodeImage(upstream, ours=False)
    else:
        _build(builder, own.reference, step)
        _archive(builder, own.reference, archive, step)
        step.result(f"{own.reference} built, since no registry answers")
    return own


def _inputs(builder: Builder) -> str:
    versions = builder.settings.versions
    return hashing.digest(
        PACKAGE,
        [FILES],
        LAYOUT,
        programs.inputs_digest(builder.settings, programs.NODE),
        *(versions[f"{part}_VERSION"] for part in ("KUBERNETES", "ETCD", "COREDNS", "PAUSE")),
        versions["NODE_DEBIAN_SUITE"],
        *PACKAGES,
    )


def _archive(builder: Builder, reference: str, archive: Path, step: Step) -> None:
    step.note("archiving the image")
    builder.save([reference], archive)
    for old in archive.parent.glob("node-*.tar"):
        if old != archive:
            old.unlink()


def _build(builder: Builder, reference: str, step: Step) -> None:
    settings, versions = builder.settings, builder.settings.versions
    binaries = programs.build(settings, "node", programs.NODE, step)
    archive = debian.rootfs(settings, "node", versions["NODE_DEBIAN_SUITE"], PACKAGES, step)
    rootfs = builder.imported(archive, "node", step)
    tags = _component_images(builder, binaries, rootfs, step)

    context = builder.context("node")
    step.note("saving the control plane's images")
    builder.docker.run("save", "--output", context / "images.tar", *tags)
    (context / "bin").mkdir()
    for tool in programs.NODE_TOOLS:
        (context / "bin" / tool.name).hardlink_to(binaries / tool.name)
    shutil.copytree(FILES, context, dirs_exist_ok=True, copy_function=shutil.copy2)
    _fill_in(context / "containerd.toml", {"@PAUSE_VERSION@": versions["PAUSE_VERSION"]})
    _fill_in(
        context / "manifests" / "default-cni.yaml",
        {"@KUBERNETES_VERSION@": versions["KUBERNETES_VERSION"]},
    )
    (context / "manifests" / "default-storage.yaml").write_text(_storage_manifest(builder))
    step.note("building the node image")
    builder.build(
        context,
        reference,
        arguments={"ROOTFS": rootfs, "KUBERNETES_VERSION": versions["KUBERNETES_VERSION"]},
    )


def _component_images(builder: Builder, binaries: Path, rootfs: str, step: Step) -> list[str]:
    """Build the images that the node brings along and give their tags."""
    versions = builder.settings.versions
    kubernetes = versions["KUBERNETES_VERSION"]
    helper = f"{REPOSITORY}/local-path-helper:{versions['LOCAL_PATH_PROVISIONER_VERSION']}"
    nettools = _network_tools(builder, rootfs, step)
    builder.build(FILES, helper, FILES / "helper.Dockerfile", arguments={"ROOTFS": rootfs})
    tags = [helper]
    images = [
        *((program, kubernetes, "scratch") for program in programs.CONTROL_PLANE),
        (programs.KUBE_PROXY, kubernetes, nettools),
        (programs.PODNET, kubernetes, nettools),
        (programs.ETCD, versions["ETCD_VERSION"].removeprefix("v"), "scratch"),
        (programs.COREDNS, versions["COREDNS_VERSION"], "scratch"),
        (programs.PAUSE, versions["PAUSE_VERSION"], "scratch"),
        (programs.LOCAL_PATH, versions["LOCAL_PATH_PROVISIONER_VERSION"], "scratch"),
    ]
    for program, version, base in images:
        step.note(f"building the image of {program.name}")
        tag = f"{REPOSITORY}/{program.name}:{version}"
        builder.program(binaries / program.name, tag, base)
        tags.append(tag)
    return tags


def network_tools(builder: Builder, step: Step) -> str:
    """Give an image of the programs that set up the network of our own nodes: iptables, ipset."""
    suite = builder.settings.versions["NODE_DEBIAN_SUITE"]
    archive = debian.rootfs(builder.settings, "node", suite, PACKAGES, step)
    return _network_tools(builder, builder.imported(archive, "node", step), step)


def _network_tools(builder: Builder, rootfs: str, step: Step) -> str:
    tag = f"bookstore/nettools:{rootfs.rpartition('-')[2]}"
    step.note("building the network tools")
    arguments = {"ROOTFS": rootfs}
    builder.build(FILES, tag, FILES / "nettools.Dockerfile", arguments=arguments)
    return tag


def _fill_in(path: Path, words: dict[str, str]) -> None:
    path.write_text(substitute(path.read_text(), words, path.name))


def substitute(text: str, words: dict[str, str], origin: str) -> str:
    """Replace each word, which has to occur; raises ClusterError that names a missing one."""
    for old, new in words.items():
        if old not in text:
            raise ClusterError(
                f"{origin} does not contain {old!r}; adapt cluster/nodeimage.py to it."
            )
        text = text.replace(old, new)
    return text


def _storage_manifest(builder: Builder) -> str:
    """Give the manifest of the default StorageClass, named and placed as kindest/node's."""
    version = builder.settings.versions["LOCAL_PATH_PROVISIONER_VERSION"]
    source = programs.module_folder("github.com/rancher/local-path-provisioner")
    manifest = source / "deploy" / "local-path-storage.yaml"
    return substitute(
        manifest.read_text(),
        {
            f"image: rancher/local-path-provisioner:{version}": (
                f"image: {REPOSITORY}/local-path-provisioner:{version}"
            ),
            "image: busybox": f"image: {REPOSITORY}/local-path-helper:{version}",
            "/opt/local-path-provisioner": "/var/local-path-provisioner",
            "  name: local-path\n": (
                "  name: standard\n"
                "  annotations:\n"
                '    storageclass.kubernetes.io/is-default-class: "true"\n'
            ),
        },
        str(manifest),
    )
