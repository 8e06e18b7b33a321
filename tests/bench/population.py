"""The stores of the bench: where they are, what they want, and whether they are ready."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from tests.bench.api import Api, in_parallel
from tests.cluster.support.kube import Manifest

SPACES = 10
AT_ONCE = 16
Key = tuple[str, str]


def place(number: int, prefix: str = "space-") -> Key:
    """Return namespace and name of a store by its number."""
    return f"{prefix}{number % SPACES}", f"shop-{number}"


def store(key: Key, port: int) -> Manifest:
    """Return a store with a database of its own outside, which listens on this machine."""
    namespace, name = key
    database = {
        "host": "127.0.0.1",
        "port": port,
        "credentialsSecretRef": {"name": f"{name}-db"},
    }
    return {
        "apiVersion": "bookstore.dev/v1",
        "kind": "BookStore",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "image": "bookstore/app:bench",
            "database": {"external": database},
            "storage": {"efs": {"fileSystemId": "fs-0123456789abcdef0", "path": f"/{name}"}},
        },
    }


def login(key: Key) -> Manifest:
    namespace, name = key
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"{name}-db", "namespace": namespace},
        "stringData": {"username": "shop", "password": name},
    }


class Population:
    """Make stores, and follow which of them are ready since when.

    Attributes:
        ready: When each store was seen to be ready, by the monotonic clock.
    """

    def __init__(self, api: Api, port: int) -> None:
        self.ready: dict[Key, float] = {}
        self._api = api
        self._port = port
        self._changed = asyncio.Event()

    async def prepare(self, keys: Iterable[Key]) -> None:
        """Make the namespaces and Secrets that stores need."""
        keys = list(keys)
        for name in sorted({namespace for namespace, _ in keys}):
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            await self._api.apply(namespace)
        await in_parallel((self._api.apply(login(key)) for key in keys), AT_ONCE)

    async def make(self, keys: Iterable[Key]) -> None:
        await in_parallel((self._api.apply(store(key, self._port)) for key in keys), AT_ONCE)

    async def follow(self) -> None:
        """Watch all stores for ever."""
        while True:
            present, events = await self._api.watch("BookStore")
            for live in present:
                self._note({"type": "ADDED", "object": live})
            async for event in events:
                self._note(event)

    def _note(self, event: Manifest) -> None:
        live = event["object"]
        key = (live["metadata"]["namespace"], live["metadata"]["name"])
        if event["type"] == "DELETED" or not is_ready(live):
            self.ready.pop(key, None)
        else:
            self.ready.setdefault(key, time.monotonic())
        self._changed.set()

    async def wait_ready(self, keys: Iterable[Key], within: float) -> float:
        """Wait for stores and return when the last of them became ready.

        Raises:
            TimeoutError: One of them is not, after so many seconds.
        """
        wanted = set(keys)
        async with asyncio.timeout(within):
            while not wanted <= self.ready.keys():
                self._changed.clear()
                await self._changed.wait()
        return max(self.ready[key] for key in wanted)


def is_ready(live: Manifest) -> bool:
    return any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in live.get("status", {}).get("conditions", [])
    )
