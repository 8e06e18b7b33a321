"""The deployed operator: kill it, stop it, read its metrics and its log."""

from __future__ import annotations

from dataclasses import dataclass

from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.nodes import ctr
from tests.support.poll import eventually

NAMESPACE, NAME = "bookstore-system", "bookstore-operator"
METRICS_PORT = 9090


@dataclass(frozen=True)
class Operator:
    """A handle to the operator's Deployment."""

    kube: Kube

    def pods(self) -> list[Manifest]:
        return self.kube.list("Pod", NAMESPACE, f"app.kubernetes.io/name={NAME}")

    def pod(self) -> str:
        """Return the name of the one running pod that is ready."""

        def ready() -> str:
            pods = self.pods()
            assert len(pods) == 1, f"{len(pods)} pods of the operator"
            (pod,) = pods
            statuses = pod["status"].get("containerStatuses", [])
            assert statuses, "the operator's pod has no container yet"
            assert all(status["ready"] for status in statuses), statuses
            return str(pod["metadata"]["name"])

        return eventually(ready, within=90)

    def kill(self) -> None:
        """Kill the operator's process by SIGKILL, and its pod, so that no back-off delays the next.

        A pod that is merely deleted gets SIGTERM, which lets it finish what it is doing.
        """
        for pod in self.pods():
            for status in pod["status"].get("containerStatuses", []):
                container = status.get("containerID", "").removeprefix("containerd://")
                if "running" in status["state"]:
                    ctr(pod["spec"]["nodeName"], "tasks", "kill", "-s", "SIGKILL", container)
            self.kube.delete("Pod", NAMESPACE, pod["metadata"]["name"], grace=0)

    def stop(self) -> None:
        """Scale to zero and wait until no pod is left."""
        self._scale(0)

        def gone() -> None:
            assert not self.pods(), "the operator still runs"

        eventually(gone, within=60)

    def start(self) -> None:
        self._scale(1)
        self.pod()

    def _scale(self, replicas: int) -> None:
        self.kube.patch("Deployment", NAMESPACE, NAME, {"spec": {"replicas": replicas}})

    def metrics(self) -> dict[str, float]:
        """Return every sample that the operator exposes."""
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
