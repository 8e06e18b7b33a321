"""The deployed operator: kill it, stop it, read its metrics and its log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.nodes import ctr
from tests.support.poll import eventually

NAMESPACE, NAME = "bookstore-system", "bookstore-operator"
METRICS_PORT = 9090
REPLICAS = 2


@dataclass(frozen=True)
class Operator:
    """A handle to the operator's Deployment."""

    kube: Kube

    def pods(self) -> list[Manifest]:
        return self.kube.list("Pod", NAMESPACE, f"app.kubernetes.io/name={NAME}")

    def pod(self) -> str:
        """Return the name of the pod that acts, once all are ready."""

        def ready() -> str:
            pods = self.pods()
            assert len(pods) == REPLICAS, f"{len(pods)} pods of the operator"
            statuses = [one for pod in pods for one in pod["status"].get("containerStatuses", [])]
            assert len(statuses) == REPLICAS, "a pod of the operator has no container yet"
            assert all(status["ready"] for status in statuses), statuses
            return self.leader()

        return eventually(ready, within=90)

    def leader(self) -> str:
        """Return the name of the pod that holds the Lease.

        Raises an AssertionError while none of those that are there does.
        """
        holder = str(self.lease().get("holderIdentity", "")).partition("_")[0]
        names = {pod["metadata"]["name"] for pod in self.pods()}
        assert holder in names, f"the Lease is held by {holder or 'nobody'}, not by {names}"
        return holder

    def lease(self) -> Manifest:
        """Return who holds the Lease, how often it was taken, and when it was renewed last."""
        spec: Manifest = self.kube.get("Lease", NAMESPACE, NAME)["spec"]
        return spec

    def kill(self, *names: str) -> None:
        """Kill pods' processes by SIGKILL, and the pods, so that no back-off delays the next.

        All of the operator's where none is named. A pod that is merely deleted gets SIGTERM, which
        lets it finish what it is doing and give the Lease back.
        """
        for pod in self.pods():
            if not names or pod["metadata"]["name"] in names:
                self._signal(pod, "kill", "-s", "SIGKILL")
                self.kube.delete("Pod", NAMESPACE, pod["metadata"]["name"], grace=0)

    def restarts(self, name: str) -> int:
        """Return how often a pod's container was started again."""
        (status,) = self.kube.get("Pod", NAMESPACE, name)["status"]["containerStatuses"]
        return int(status["restartCount"])

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Freeze a pod's process, as a machine that stalls does."""
        (pod,) = [pod for pod in self.pods() if pod["metadata"]["name"] == name]
        self._signal(pod, "pause")
        try:
            yield
        finally:
            self._signal(pod, "resume")

    def _signal(self, pod: Manifest, *action: str) -> None:
        for status in pod["status"].get("containerStatuses", []):
            container = status.get("containerID", "").removeprefix("containerd://")
            if "running" in status["state"]:
                ctr(pod["spec"]["nodeName"], "tasks", *action, container)

    def stop(self) -> None:
        """Scale to zero and wait until no pod is left."""
        self._scale(0)

        def gone() -> None:
            assert not self.pods(), "the operator still runs"

        eventually(gone, within=60)

    def start(self) -> None:
        self._scale(REPLICAS)
        self.pod()

    def _scale(self, replicas: int) -> None:
        self.kube.patch("Deployment", NAMESPACE, NAME, {"spec": {"replicas": replicas}})

    def metrics(self) -> dict[str, float]:
        """Return every sample that the pod exposes that acts."""
        return scrape(self.kube, NAMESPACE, self.pod())

    def log(self, lines: int = 60) -> str:
        """Return the end of the log of every container that has one, or why there is none."""
        where = ("-n", NAMESPACE, f"-lapp.kubernetes.io/name={NAME}")
        try:
            return self.kube.kubectl("logs", *where, f"--tail={lines}", "--prefix")
        except AssertionError as error:  # A container that is about to start has no log.
            return str(error)


def scrape(kube: Kube, namespace: str, pod: str) -> dict[str, float]:
    """Return the samples of an operator's pod, keyed by name with labels."""
    where = f"/api/v1/namespaces/{namespace}/pods/{pod}:{METRICS_PORT}/proxy/metrics"
    return samples(kube.read(where))


def samples(page: str) -> dict[str, float]:
    """Return what a page in the Prometheus text format says, keyed by name with labels."""
    lines = (line.rpartition(" ") for line in page.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}
