"""Decide which events wake a store, and which tell nothing new."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from bookstore_operator.kinds import BOOKSTORE, Manifest, Ref
from bookstore_operator.memory import Memories, Sightings
from bookstore_operator.store import INSTANCE_LABEL, NAMESPACE_LABEL, StoreKey


class Waker:
    """Wake one store's keeper.

    Events that come during a pass are judged after it, when the versions of our own writes are
    known; their echo would otherwise be taken for news.
    """

    def __init__(self, sightings: Sightings) -> None:
        self._sightings = sightings
        self._alarm = asyncio.Event()
        self._busy = False
        self._held_back: list[tuple[Ref, str]] = []
        self.lock = asyncio.Lock()

    def notice(self, ref: Ref, resource_version: str) -> None:
        """Take in that an object is now of this version, or was deleted at it."""
        if self._busy:
            self._held_back.append((ref, resource_version))
        elif self._sightings.is_news(ref, resource_version):
            self._alarm.set()

    def alarm(self) -> None:
        """Wake the keeper whatever is known."""
        self._alarm.set()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Judge the events that come meanwhile afterwards."""
        self._alarm.clear()
        self._busy = True
        try:
            yield
        finally:
            self._busy = False
            held_back, self._held_back = self._held_back, []
            for ref, resource_version in held_back:
                self.notice(ref, resource_version)

    async def wait(self) -> None:
        """Wait for the alarm."""
        await self._alarm.wait()


class Wakes:
    """Hold the wakers of all stores, and lead events to them."""

    def __init__(self, memories: Memories) -> None:
        self._memories = memories
        self._wakers: dict[StoreKey, Waker] = {}
        self._listed: set[str] = set()

    def of(self, key: StoreKey) -> Waker:
        """Return a store's waker, a new one where there is none."""
        if key not in self._wakers:
            self._wakers[key] = Waker(self._memories.of(key).sightings)
        return self._wakers[key]

    def forget(self, key: StoreKey) -> None:
        """Forget a store that is gone."""
        self._wakers.pop(key, None)

    def event(self, kind: str | None, ref: Ref, live: Manifest) -> None:
        """Take in an event of a store or a child.

        Args:
            kind: ADDED, MODIFIED or DELETED; None for an object that was listed.
            ref: The object.
            live: The object as the event brought it.

        A second listing of an object means that a watch began anew, and that deletions may have
        been missed: every store looks again.
        """
        uid, key = live["metadata"]["uid"], owner_key(ref, live)
        if kind == "DELETED":
            self._listed.discard(uid)
        elif kind is None and uid in self._listed:
            self.relisted()
        else:
            self._listed.add(uid)
        if key in self._wakers:
            self._wakers[key].notice(ref, live["metadata"]["resourceVersion"])

    def referenced(self, ref: Ref, resource_version: str) -> None:
        """Take in that a Secret, perhaps one that stores depend on, changed."""
        for key, waker in self._wakers.items():
            if ref in self._memories.of(key).references:
                waker.notice(ref, resource_version)

    def relisted(self) -> None:
        """Wake all stores."""
        for waker in self._wakers.values():
            waker.alarm()


def owner_key(ref: Ref, live: Manifest) -> StoreKey:
    """Return the store that an object belongs to: itself, its owner, or whom its labels name."""
    if ref.kind == BOOKSTORE:
        return StoreKey(ref.namespace, ref.name)
    metadata = live["metadata"]
    for owner in metadata.get("ownerReferences", []):
        if owner["kind"] == BOOKSTORE.name:
            return StoreKey(ref.namespace, owner["name"])
    labels = metadata.get("labels", {})
    namespace = ref.namespace or labels.get(NAMESPACE_LABEL, "")
    return StoreKey(namespace, labels.get(INSTANCE_LABEL, ""))
