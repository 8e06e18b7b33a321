"""Pods that a test puts beside a store, to see what they can connect to."""

from __future__ import annotations

from dataclasses import dataclass

from tests.cluster.support.kube import Kube, Manifest
from tests.support.poll import eventually

# Whether a connection is made within a second: what a policy drops is never answered.
CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=1)
except OSError as error:
    print(error)
else:
    print("connected")
"""


@dataclass(frozen=True)
class Client:
    """A running pod that has Python."""

    kube: Kube
    namespace: str
    pod: str

    def reaches(self, host: str, port: int) -> bool:
        """Tell whether the pod gets a connection."""
        where = ("exec", "-n", self.namespace, self.pod, "--")
        said = self.kube.kubectl(*where, "python", "-c", CONNECT, host, str(port))
        return said.strip() == "connected"

    def wait_let_in(self, host: str, port: int) -> None:
        """Wait until the pod gets a connection; who enforces policies takes a while."""

        def connected() -> None:
            assert self.reaches(host, port), f"{self.pod} does not reach {host}:{port}"

        eventually(connected, within=60)

    def wait_kept_out(self, host: str, port: int) -> None:
        """Wait until the pod gets no connection any more."""

        def refused() -> None:
            assert not self.reaches(host, port), f"{self.pod} reaches {host}:{port}"

        eventually(refused, within=60)


def started(
    kube: Kube, namespace: str, name: str, image: str, labels: dict[str, str] | None = None
) -> Client:
    """Start a pod of the shop's image that does nothing by itself."""
    kube.apply(client_pod(namespace, name, image, labels or {}))
    kube.kubectl("wait", "-n", namespace, f"pod/{name}", "--for=condition=Ready", "--timeout=60s")
    return Client(kube, namespace, name)


def client_pod(namespace: str, name: str, image: str, labels: dict[str, str]) -> Manifest:
    """Return a pod with Python that waits to be told what to ask, under restricted security."""
    container = {
        "name": "client",
        "image": image,
        "command": ["python", "-c", "import signal; signal.pause()"],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
        },
    }
