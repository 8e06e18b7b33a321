"""Backups and restores of a store, as a person asks for them and looks at them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.cluster.support.kube import Manifest
from tests.cluster.support.store import Store
from tests.support.poll import eventually

FOLDER = "/app/backups"


@dataclass(frozen=True)
class Task:
    """A BookStoreBackup or a BookStoreRestore of a store."""

    store: Store
    kind: str
    name: str

    @classmethod
    def ask(cls, store: Store, kind: str, name: str, **spec: Any) -> Task:
        """Apply the resource; it is not waited for."""
        store.kube.apply(
            {
                "apiVersion": "bookstore.dev/v1",
                "kind": kind,
                "metadata": {"name": name, "namespace": store.namespace},
                "spec": {"store": store.name} | spec,
            }
        )
        return cls(store, kind, name)

    def status(self) -> Manifest:
        found: Manifest = self.store.kube.get(self.kind, self.store.namespace, self.name)
        status: Manifest = found.get("status", {})
        return status

    def message(self) -> str:
        """Return why it is not ready."""
        told = {one["type"]: one for one in self.status()["conditions"]}
        return str(told["Ready"]["message"])

    def wait(self, phase: str, within: float = 180) -> Manifest:
        """Wait until it is that far, and return its status."""

        def so_far() -> Manifest:
            status = self.status()
            assert status.get("phase") == phase, status
            return status

        return eventually(so_far, within=within, every=0.2)


def whole(store: Store) -> list[str]:
    """Return the names of the store's backups, newest first; none of them is damaged."""
    (pod, *_) = store.pods()
    lines = store.exec(pod, "bookstore", "backups", "--verify").splitlines()
    assert not [line for line in lines if "DAMAGED" in line], lines
    return [line.split()[0] for line in lines]


def checksums(store: Store, backup: str) -> dict[str, str]:
    """Return the checksum of each file of a backup that holds a table's rows."""
    (pod, *_) = store.pods()
    return _sums(store.exec(pod, "cat", f"{FOLDER}/{backup}/manifest.json"))


def sums_in(store: Store, image: str, backup: str) -> dict[str, str]:
    """Return the same by a pod of its own, for no service's pod sees the folder of backups."""
    name = f"{store.name}-reads-{backup}"
    security = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {
        "name": "reader",
        "image": image,
        "command": ["cat", f"{FOLDER}/{backup}/manifest.json"],
        "securityContext": security,
        "volumeMounts": [{"name": "files", "mountPath": FOLDER, "subPath": "backups"}],
    }
    claim = {"claimName": f"{store.name}-files"}
    store.kube.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": store.namespace},
            "spec": {
                "restartPolicy": "Never",
                "containers": [container],
                "volumes": [{"name": "files", "persistentVolumeClaim": claim}],
            },
        }
    )

    def read() -> str:
        pod = store.kube.get("Pod", store.namespace, name)
        assert pod["status"].get("phase") == "Succeeded", pod["status"]
        return store.kube.kubectl("logs", "-n", store.namespace, name)

    return _sums(eventually(read, within=60))


def _sums(manifest: str) -> dict[str, str]:
    return {one["path"]: one["sha256"] for one in json.loads(manifest)["files"]}
