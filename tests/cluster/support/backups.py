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
    manifest = json.loads(store.exec(pod, "cat", f"{FOLDER}/{backup}/manifest.json"))
    return {one["path"]: one["sha256"] for one in manifest["files"]}
