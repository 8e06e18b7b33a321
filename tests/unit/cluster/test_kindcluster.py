"""What kind is told: three nodes, a shared folder, one port of this machine."""

import contextlib
import io
import socket
from pathlib import Path
from typing import Any

import pytest

from cluster import kindcluster
from cluster.engine import Docker
from cluster.errors import ClusterError
from cluster.nodeimage import NodeImage
from cluster.settings import from_environment
from cluster.steps import Steps

SETTINGS = from_environment({"HOME": "/h"})


def config(*, ours: bool) -> dict[str, Any]:
    image = NodeImage("bookstore/node:0" if ours else "kindest/node:v1@sha256:0", ours=ours)
    return kindcluster.config(SETTINGS, image, Path("/h/efs"), 8081)


def test_one_control_plane_and_two_workers_share_the_folder_that_stands_for_efs() -> None:
    nodes = config(ours=True)["nodes"]
    assert [node["role"] for node in nodes] == ["control-plane", "worker", "worker"]
    for node in nodes:
        assert node["extraMounts"] == [
            {"hostPath": "/h/efs", "containerPath": kindcluster.SHARED_ON_NODES}
        ]


def test_the_samples_node_port_is_open_on_this_machine_only() -> None:
    assert config(ours=True)["nodes"][0]["extraPortMappings"] == [
        {"containerPort": 30080, "hostPort": 8081, "listenAddress": "127.0.0.1"}
    ]


@pytest.mark.parametrize("ours", [True, False])
def test_kubeadm_is_shown_our_images_only_on_our_nodes(ours: bool) -> None:
    patches = "\n".join(config(ours=ours)["kubeadmConfigPatches"])
    assert "failCgroupV1: false" in patches
    assert ("imageRepository: kind.local" in patches) is ours


def test_a_taken_port_is_passed_over() -> None:
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not kindcluster.port_is_free(port)
        assert kindcluster.choose_port(port) > port


class RecordingDocker(Docker):
    """An engine whose nodes are as told; it keeps what it was told to do."""

    def __init__(self, running: dict[str, bool], address: str) -> None:
        super().__init__(Path("/usr/bin/docker"))
        self.__dict__.update(nodes=running, first=address, done=[])

    def run(self, *arguments: Any, stdin: str | bytes | None = None) -> str:
        assert stdin is None
        verb, *rest = map(str, arguments)
        if verb == "inspect" and "State" in rest[1]:
            return " ".join(str(self.__dict__["nodes"][node]).lower() for node in rest[2:])
        if verb == "inspect":
            return str(self.__dict__["first"])
        self.__dict__["done"].append((verb, *(word for word in rest if word.startswith("b-"))))
        return ""


NODES = ("b-control-plane", "b-worker", "b-worker2")
ALL_ANEW = [("stop", *NODES), *(("start", node) for node in NODES)]


@pytest.mark.parametrize(
    ("running", "now", "does"),
    [
        ((True, True, True), "172.18.0.2", []),
        ((True, False, True), "172.18.0.2", [("start", "b-worker")]),
        ((False, True, False), "172.18.0.2", ALL_ANEW),
    ],
    ids=["all run", "a worker is stopped", "the control plane is stopped"],
)
def test_the_control_plane_starts_before_the_workers_to_keep_its_address(
    running: tuple[bool, ...],
    now: str,
    does: list[tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kindcluster, "refuse_unserved", lambda *_: None)
    docker = RecordingDocker(dict(zip(NODES, running, strict=True)), now)
    with Steps(io.StringIO()).step("Kubernetes cluster") as step:
        kindcluster.start_stopped(docker, NODES, "172.18.0.2", step)
    assert docker.__dict__["done"] == does


def test_an_address_that_another_container_has_taken_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kindcluster, "refuse_unserved", lambda *_: None)
    docker = RecordingDocker(dict.fromkeys(NODES, True), "172.18.0.9")
    taken = pytest.raises(ClusterError, match=r"172\.18\.0\.9 instead of 172\.18\.0\.2")
    with taken, Steps(io.StringIO()).step("Kubernetes cluster") as step:
        kindcluster.start_stopped(docker, NODES, "172.18.0.2", step)
