"""The cluster's nodes: what runs on them, and what may happen to one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from tests.cluster.support.kube import Kube
from tests.support.poll import eventually


def workers(kube: Kube) -> list[str]:
    """Return the names of the nodes on which stores run."""
    found = kube.list("Node", labels="!node-role.kubernetes.io/control-plane")
    return [node["metadata"]["name"] for node in found]


def ctr(node: str, *args: str) -> str:
    """Run ``ctr`` for the kubelet's containers on a node."""
    return docker("exec", node, "ctr", "--namespace", "k8s.io", *args)


def docker(*args: str) -> str:
    """Run the engine's client, to which a node is a container, and return what it printed.

    Raises an AssertionError with what it printed as its error where it fails.
    """
    done = subprocess.run(
        ["docker", *args], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"docker {' '.join(args)}: {done.stderr.strip()}"
    return done.stdout


@contextmanager
def cordoned(kube: Kube, node: str) -> Iterator[None]:
    """Keep new pods off a node."""
    kube.kubectl("cordon", node)
    try:
        yield
    finally:
        kube.kubectl("uncordon", node)


@contextmanager
def paused(kube: Kube, node: str) -> Iterator[None]:
    """Freeze a node with all that runs on it, and wait until it has come back.

    Others who use the cluster meanwhile are without the pods that are on it.
    """
    # The kernel may not get all of a busy node's processes to stand still at once.
    eventually(lambda: docker("pause", node), within=60)
    try:
        yield
    finally:
        docker("unpause", node)

        def ready() -> None:
            conditions = kube.get("Node", "", node)["status"]["conditions"]
            told = {condition["type"]: condition["status"] for condition in conditions}
            assert told["Ready"] == "True", f"{node} is not Ready: {told}"

        eventually(ready, within=120)


@contextmanager
def cut_off(kube: Kube, namespace: str, pod: str, others: Iterable[str] = ()) -> Iterator[None]:
    """Drop what a pod and other pods send each other, as a network that has split does.

    Connections are left open, and nobody is told. ``others`` are pods of the same namespace; all
    pods of the cluster where none is named. The kubelet of the pod's node still reaches it.
    """
    there = kube.get("Pod", namespace, pod)
    address, node = there["status"]["podIP"], there["spec"]["nodeName"]
    peers = [kube.get("Pod", namespace, other)["status"]["podIP"] for other in others]
    with ExitStack() as taken_back:
        for peer in peers or ["0.0.0.0/0"]:
            taken_back.enter_context(dropped(node, address, peer))
            taken_back.enter_context(dropped(node, peer, address))
        yield


@contextmanager
def dropped(node: str, source: str, destination: str) -> Iterator[None]:
    """Drop what a node forwards from one address to another, which all traffic of its pods is."""
    rule = ("FORWARD", "--source", source, "--destination", destination, "--jump", "DROP")
    # Before the rules that let through what belongs to a connection.
    docker("exec", node, "iptables", "--wait", "--insert", *rule)
    try:
        yield
    finally:
        docker("exec", node, "iptables", "--wait", "--delete", *rule)
