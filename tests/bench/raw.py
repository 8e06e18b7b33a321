"""The raw rate: server-side applies of the operator's very objects, by one client in a row.

It reads nothing, waits for nothing and compares nothing: no operator that applies can be faster.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass

from tests.bench.api import Api, in_parallel
from tests.bench.audit import Write
from tests.bench.population import SPACES, place
from tests.bench.replay import MANAGER, portable, renamed
from tests.cluster.support.kube import Manifest

BASELINE = "bookstore-baseline"
"""Who manages the raw objects; as long as the operator's name, which must not follow them."""


PATIENCE = 300.0


@dataclass(frozen=True)
class Child:
    """An object of the model store, and its path in the API."""

    path: str
    manifest: Manifest


@dataclass(frozen=True)
class Rate:
    """What one round of raw applies came to.

    Attributes:
        at_once: Requests under way at once.
        applied: Stores a second, to the last answer.
        ready: Stores a second, to the last available Deployment.
        cpu: Seconds of the client's processor time for each store.
    """

    at_once: int
    applied: float
    ready: float
    cpu: float


async def recorded(api: Api, creations: list[Write], namespace: str, name: str) -> list[Child]:
    """Return the children that the operator made for the model store, in its order."""
    children = []
    for made in creations:
        if namespace in (made.namespace, "") or name in made.name:
            live = await api.call("GET", made.path)
            children.append(Child(made.path, portable(live)))
    return children


class Raw:
    """Apply copies of a model store's children, each round in namespaces of its own."""

    def __init__(self, operator: Api, admin: Api, model: list[Child], place_: tuple[str, str]):
        self._operator = operator
        self._admin = admin
        self._model = model
        self._namespace, self._name = place_
        self._rounds = 0

    async def round(self, stores: int, at_once: int) -> Rate:
        """Apply the children of so many stores with the operator's account."""
        self._rounds += 1
        prefix = f"raw-{self._rounds}-"
        for number in range(SPACES):
            name = f"{prefix}{number}"
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            await self._admin.apply(namespace)
        copies = [child for number in range(stores) for child in self._copy(number, prefix)]
        start, used = time.monotonic(), time.process_time()
        await in_parallel(
            (self._operator.apply_at(child.path, child.manifest) for child in copies), at_once
        )
        applied, used = time.monotonic() - start, time.process_time() - used
        await self._available(stores, prefix)
        ready = time.monotonic() - start
        return Rate(at_once, stores / applied, stores / ready, used / stores)

    def _copy(self, number: int, prefix: str) -> list[Child]:
        namespace, name = place(number, prefix)
        new = {self._namespace: namespace, self._name: name, MANAGER: BASELINE}
        plain = [{"path": child.path, "manifest": child.manifest} for child in self._model]
        return [Child(**copy) for copy in renamed(plain, new)]

    async def _available(self, stores: int, prefix: str) -> None:
        """Wait for the round's Deployments; raises TimeoutError where one never gets there."""
        labels = f"app.kubernetes.io/managed-by={BASELINE}"
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            deployments = await self._admin.list("Deployment", labels=labels)
            ready = [
                one
                for one in deployments
                if one["metadata"]["namespace"].startswith(prefix)
                and one.get("status", {}).get("availableReplicas", 0) >= one["spec"]["replicas"]
            ]
            if len(ready) == stores:
                return
            await asyncio.sleep(0.5)
        raise TimeoutError(f"{len(ready)} of {stores} raw Deployments are available")


def size(model: list[Child]) -> int:
    """Return the bytes of all children of one store."""
    return sum(len(json.dumps(child.manifest)) for child in model)
