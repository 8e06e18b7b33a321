"""One pass over one store: what it reads, what it writes, and what it tells of it."""

import asyncio
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bookstore_operator.components.base import Component
from bookstore_operator.components.credentials import SECRET_FINALIZER
from bookstore_operator.drift import POLICIES, Drift, compare, mending
from bookstore_operator.errors import (
    ConflictError,
    OperatorError,
    PendingError,
    RefusedError,
)
from bookstore_operator.kinds import (
    BOOKSTORE,
    JOB,
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    SECRET,
    Manifest,
    Ref,
)
from bookstore_operator.kube.client import Kube
from bookstore_operator.memory import StoreMemory
from bookstore_operator.observed import Observed, Query, is_terminating
from bookstore_operator.store import (
    INSTANCE_LABEL,
    MANAGED_BY_LABEL,
    MANAGER,
    NAMESPACE_LABEL,
    Store,
)

UNOWNED = frozenset({PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM})
"""Kinds that outlive the store where its policy says so, and are known by their labels."""


@dataclass(frozen=True)
class Note:
    """Be an Event to write: its type, reason, action and sentence."""

    kind: str
    reason: str
    action: str
    text: str


@dataclass
class Session:
    """Read and write for one pass, and keep the memory of the store in step.

    Attributes:
        kube: The way to the API server.
        store: The store.
        memory: What is remembered of it.
        seen: What the pass found so far.
        notes: Events to write at the end.
        faults: What could not be read, by the part that needs it.
    """

    kube: Kube
    store: Store
    memory: StoreMemory
    seen: Observed = field(default_factory=lambda: Observed(now=datetime.now(UTC)))
    notes: list[Note] = field(default_factory=list)
    faults: dict[Component, OperatorError] = field(default_factory=dict)

    async def observe(self, parts: Iterable[Component]) -> None:
        """Read all that the parts name, at once; one part's failure is no other's."""
        parts = list(parts)
        await asyncio.gather(*(self._observe(part) for part in parts))
        self.memory.references = frozenset(
            ref for part in parts for ref in part.observes(self.store) if self._is_foreign(ref)
        )
        secret = self.seen.get(self.store.secret)
        if secret and is_ours(self.store, self.store.secret, secret):
            self.memory.secret = self.memory.secret or dict(secret.get("data") or {})
        self.seen.remembered = self.memory.secret
        self.seen.revisions = self.memory.revisions

    async def make(self, part: Component) -> None:
        """Bring the objects of a part to what it wants.

        Raises:
            OperatorError: An object cannot be brought there.
        """
        for ref, patch in part.mends(self.store, self.seen):
            self._saw(ref, await self.kube.merge(ref, patch))
        wanted = part.desired(self.store, self.seen)
        for ref in part.replaced(self.store, self.seen):
            await self.remove(ref)
        for manifest in wanted:
            await self._settle(manifest)

    async def inquire(self, part: Component) -> None:
        """Read what a part needs to explain itself."""
        for query in part.inquires(self.store, self.seen):
            await self._list(query)

    async def remove(self, ref: Ref) -> None:
        """Delete an object of ours, as it was seen."""
        live = await self._live(ref)
        if live is not None and is_ours(self.store, ref, live):
            await self.kube.delete(ref, live["metadata"]["uid"])
            self.memory.sightings.removed(ref)
            self.memory.applied.pop(ref, None)
            self.seen.objects[ref] = None

    def note(self, kind: str, reason: str, action: str, text: str) -> None:
        """Keep an Event for the end of the pass."""
        self.notes.append(Note(kind, reason, action, text))

    async def _observe(self, part: Component) -> None:
        try:
            await asyncio.gather(
                *(self._get(ref) for ref in part.observes(self.store)),
                *(self._list(query) for query in part.surveys(self.store)),
            )
        except OperatorError as error:
            self.faults[part] = error

    async def _get(self, ref: Ref) -> None:
        self._saw(ref, await self.kube.get(ref))

    async def _list(self, query: Query) -> None:
        found = await self.kube.list(query.kind, self.store.namespace, query.selector)
        self.seen.lists[query] = found
        if query.kind == JOB:
            for live in found:
                if is_ours(self.store, Ref.of(live), live):
                    self._saw(Ref.of(live), live)

    async def _live(self, ref: Ref) -> Manifest | None:
        if ref not in self.seen.objects:
            await self._get(ref)
        return self.seen.get(ref)

    async def _settle(self, wanted: Manifest) -> None:
        ref = Ref.of(wanted)
        live = await self._live(ref)
        if live is not None:
            live = await self._admitted(ref, live)
        digest = _digest(wanted)
        if live is None:
            self._saw(ref, await self.kube.apply(wanted))
            if ref in self.memory.applied:
                self.note("Normal", "Restored", "Restore", f"{ref} was gone and is made again.")
        elif not (is_terminating(live) and ref.kind in UNOWNED):
            await self._compare(ref, wanted, live, digest)
        self.memory.applied[ref] = digest
        if ref == self.store.secret:
            self.memory.secret = dict(wanted["data"])

    async def _admitted(self, ref: Ref, live: Manifest) -> Manifest | None:
        """Return a live object that we may change; None where it made room for a new one."""
        if not is_ours(self.store, ref, live):
            if _is_left_over(self.store, live):
                raise PendingError(f"{ref} of the store before this one is about to go")
            raise ConflictError(
                f"{ref} is there and does not belong to this store; delete it, or give the store "
                "another name"
            )
        if not is_terminating(live) or ref.kind in UNOWNED:
            return live
        finalizers = live["metadata"].get("finalizers", [])
        if SECRET_FINALIZER not in finalizers:
            raise PendingError(f"{ref} is being deleted; it is made again once it is gone")
        kept = [name for name in finalizers if name != SECRET_FINALIZER]
        await self.kube.merge(ref, {"metadata": {"finalizers": kept}})
        self.memory.applied.setdefault(ref, "")
        if kept:
            raise PendingError(f"{ref} is being deleted; it is made again once it is gone")
        return None

    async def _compare(self, ref: Ref, wanted: Manifest, live: Manifest, digest: str) -> None:
        drift = compare(wanted, live)
        if not drift or self.memory.accepted.get(ref) == f"{digest} {drift}":
            return
        mended = await self._mend(ref, wanted, drift)
        self._saw(ref, mended)
        left = compare(wanted, mended)
        if left:
            # A webhook undoes it, or the API does; once more would change nothing.
            self.memory.accepted[ref] = f"{digest} {left}"
        if self.memory.applied.get(ref) == digest:
            self.note("Normal", "Reverted", "Revert", f"{ref} was changed ({drift}); reverted.")

    async def _mend(self, ref: Ref, wanted: Manifest, drift: Drift) -> Manifest:
        """Mend by an apply where that suffices, otherwise by a merge patch.

        An apply leaves what others added, and is refused where a list is merged by a key that
        somebody changed.
        """
        if not drift.extra and not POLICIES[ref.kind.name].patched:
            try:
                mended = await self.kube.apply(wanted)
            except RefusedError:
                mended = None
            if mended is not None:
                drift = compare(wanted, mended)
                if not drift:
                    return mended
        return await self.kube.merge(ref, mending(wanted, drift))

    def _saw(self, ref: Ref, live: Manifest | None) -> None:
        self.seen.objects[ref] = live
        self.memory.sightings.saw(ref, live)

    def _is_foreign(self, ref: Ref) -> bool:
        return ref.kind == SECRET and ref != self.store.secret


def is_ours(store: Store, ref: Ref, live: Manifest) -> bool:
    """Return whether an object belongs to the store: by its controller, else by its labels.

    What outlives a store is known by its labels alone. An object of the same name that has
    neither is somebody else's.
    """
    controller = _controller(live)
    if controller is not None:
        return bool(controller["uid"] == store.uid) and ref.kind not in UNOWNED
    labels = live["metadata"].get("labels", {})
    place = labels.get(NAMESPACE_LABEL) if ref.kind == PERSISTENT_VOLUME else store.namespace
    found = (labels.get(MANAGED_BY_LABEL), labels.get(INSTANCE_LABEL), place)
    return found == (MANAGER, store.name, store.namespace)


def _is_left_over(store: Store, live: Manifest) -> bool:
    controller = _controller(live)
    return (
        controller is not None
        and controller["kind"] == BOOKSTORE.name
        and controller["name"] == store.name
    )


def _controller(live: Manifest) -> Manifest | None:
    owners: list[Manifest] = live["metadata"].get("ownerReferences", [])
    return next((owner for owner in owners if owner.get("controller")), None)


def _digest(manifest: Manifest) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
