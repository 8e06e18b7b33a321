"""A BookStore of a test, and what a person would ask about it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from tests.cluster.support.kube import Kube, Manifest
from tests.support.poll import eventually
from tests.support.shopper import Shopper

REPLICAS = 2  # where the spec leaves it to the operator
MANAGED = "app.kubernetes.io/managed-by=bookstore-operator"
CHILD_KINDS = (
    "ConfigMap",
    "Deployment",
    "HorizontalPodAutoscaler",
    "Job",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "Secret",
    "Service",
    "ServiceAccount",
    "StatefulSet",
)


@dataclass(frozen=True)
class Store:
    """A handle to the BookStore ``name`` in ``namespace``; it holds no state of its own."""

    kube: Kube
    namespace: str
    name: str

    def apply(self, spec: Manifest) -> None:
        """Apply the resource as the person who owns its spec."""
        self.kube.apply(self.manifest(spec))

    def manifest(self, spec: Manifest) -> Manifest:
        return {
            "apiVersion": "bookstore.dev/v1",
            "kind": "BookStore",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": spec,
        }

    def edit(self, **spec: Any) -> None:
        """Change fields of the spec; a value of None takes the field out."""
        self.kube.patch("BookStore", self.namespace, self.name, {"spec": spec})

    def get(self) -> Manifest:
        return self.kube.get("BookStore", self.namespace, self.name)

    def conditions(self) -> dict[str, Manifest]:
        """Return the conditions by type; those that judge an older spec are left out."""
        store = self.get()
        return {
            condition["type"]: condition
            for condition in store.get("status", {}).get("conditions", [])
            if condition.get("observedGeneration", 0) >= store["metadata"]["generation"]
        }

    def told(self, kind: str, status: str, reason: str = "") -> str:
        """Return the message of a condition.

        Raises an AssertionError while it is not of that status, and of that reason where one is
        given, for the spec as it is now.
        """
        seen = self.conditions()
        found = seen.get(kind, {})
        assert found.get("status") == status, f"{kind} is not {status}\n{brief(seen)}"
        assert reason in ("", found["reason"]), f"{kind} is not for {reason}\n{brief(seen)}"
        return str(found["message"])

    def wait_ready(self, within: float = 120) -> None:
        """Wait until Ready is True for the spec as it is now, with all replicas ready."""

        def ready() -> None:
            seen = self.conditions()
            assert seen.get("Ready", {}).get("status") == "True", brief(seen)
            status, spec = self.get()["status"], self.get()["spec"]
            if "autoscaling" not in spec:
                assert status.get("readyReplicas", 0) == spec.get("replicas", REPLICAS), status
            assert seen.get("Progressing", {}).get("status") == "False", brief(seen)

        eventually(ready, within=within)

    def wait_told(self, reason: str, mentions: str = "", within: float = 60) -> None:
        """Wait until the store says why it is not ready: in Degraded, in Ready, and by an Event.

        ``mentions`` is what the condition's sentence must name.
        """

        def told() -> None:
            seen = self.conditions()
            degraded = seen.get("Degraded", {})
            assert (degraded.get("status"), degraded.get("reason")) == ("True", reason), brief(seen)
            assert seen["Ready"]["status"] == "False", brief(seen)
            assert mentions in degraded["message"], brief(seen)
            assert reason in {event["reason"] for event in self.events()}, self.events()

        eventually(told, within=within)

    def events(self) -> list[Manifest]:
        """Return the Events about the BookStore itself."""
        return [
            event
            for event in self.kube.list("Event", self.namespace)
            if event["involvedObject"]["kind"] == "BookStore"
            and event["involvedObject"]["name"] == self.name
        ]

    def children(self) -> list[Manifest]:
        """Return all that the operator made for the store, its PersistentVolume included."""
        labels = f"{MANAGED},app.kubernetes.io/instance={self.name}"
        volumes = [
            volume
            for volume in self.kube.list("PersistentVolume", labels=labels)
            if volume["spec"]["claimRef"]["namespace"] == self.namespace
        ]
        return volumes + [
            child for kind in CHILD_KINDS for child in self.kube.list(kind, self.namespace, labels)
        ]

    def child(self, kind: str, suffix: str = "") -> Manifest:
        return self.kube.get(kind, self.namespace, self.name + suffix)

    def config(self) -> Manifest:
        """Return the ConfigMap that the shop's pods of now read; its name holds a hash."""
        return self._of_pods("ConfigMap", "-config")

    def environment(self) -> Manifest:
        """Return the Secret that the shop's pods of now read; its name holds a hash."""
        return self._of_pods("Secret", "-env")

    def _of_pods(self, kind: str, suffix: str) -> Manifest:
        names = {
            name
            for name in strings(self.child("Deployment")["spec"]["template"]["spec"])
            if name.startswith(self.name + suffix)
        }
        assert len(names) == 1, f"the pods read {names or 'no'} {self.name}{suffix}-…"
        return self.kube.get(kind, self.namespace, names.pop())

    def claim(self, suffix: str) -> Manifest:
        return self.child("PersistentVolumeClaim", suffix)

    def migrations(self) -> list[Manifest]:
        return [child for child in self.children() if child["kind"] == "Job"]

    def pods(self, component: str = "web") -> list[Manifest]:
        """Return the pods of a part that are not on their way out."""
        found = self._pods(component)
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def restarts(self) -> dict[str, int]:
        """Return how often the shop's pods were restarted, by their names."""
        return {
            pod["metadata"]["name"]: pod["status"]["containerStatuses"][0]["restartCount"]
            for pod in self.pods()
        }

    def wait_none_leaving(self) -> None:
        """Wait until no pod of the shop is on its way out any more."""

        def none() -> None:
            found = self._pods("web")
            leaving = [pod for pod in found if "deletionTimestamp" in pod["metadata"]]
            assert not leaving, [pod["metadata"]["name"] for pod in leaving]

        eventually(none, within=90)

    def _pods(self, component: str) -> list[Manifest]:
        labels = f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component={component}"
        return self.kube.list("Pod", self.namespace, labels)

    def secret(self) -> dict[str, str]:
        """Return what the generated Secret holds."""
        data = self.child("Secret", "-secret")["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def exec(self, pod: Manifest, *command: str) -> str:
        name = pod["metadata"]["name"]
        return self.kube.kubectl("exec", "-n", self.namespace, name, "--", *command)

    def url(self) -> str:
        """Return the shop's address once it answers; that of its load balancer."""

        def answering() -> str:
            url = str(self.get().get("status", {}).get("url", ""))
            assert url, "status.url is empty"
            assert httpx.get(url, timeout=5, trust_env=False).status_code == httpx.codes.OK
            return url

        return eventually(answering, within=30)

    def shopper(self) -> Shopper:
        """Return a new person in front of the shop, with an account and logged in."""
        shopper = Shopper(self.url())
        shopper.register()
        return shopper

    def delete(self) -> None:
        """Delete the resource and wait until it is gone."""
        self.kube.delete("BookStore", self.namespace, self.name)

        def gone() -> None:
            left = self.kube.find("BookStore", self.namespace, self.name)
            assert left is None, f"the store still has {left['metadata'].get('finalizers')}"

        eventually(gone, within=60)


def strings(node: Any) -> Iterator[str]:
    """Return every text that a manifest holds."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list):
        for value in node.values() if isinstance(node, dict) else node:
            yield from strings(value)


def brief(conditions: dict[str, Manifest]) -> str:
    """Return conditions as lines that fit into a failure."""
    return "\n".join(
        f"{kind}={c['status']} {c.get('reason')}: {c.get('message')}"
        for kind, c in conditions.items()
    )
