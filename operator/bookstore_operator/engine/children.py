"""Bring the children of a root to what its components want."""

import hashlib
import json
from collections.abc import Iterable

from bookstore_operator.api.conditions import RESTORED, REVERTED
from bookstore_operator.engine.backoff import Backoff
from bookstore_operator.engine.component import Component, Patch
from bookstore_operator.engine.drift import Drift, compare, patch_of
from bookstore_operator.engine.errors import ConflictError, KindMissingError, PendingError
from bookstore_operator.engine.memory import Memory, Note
from bookstore_operator.engine.root import PREFIX, Root
from bookstore_operator.engine.view import View
from bookstore_operator.kube.cache import Cache, Entry
from bookstore_operator.kube.client import Kube
from bookstore_operator.kube.errors import (
    AbsentError,
    AlreadyExistsError,
    ForbiddenError,
    OperatorError,
    RefusedError,
)
from bookstore_operator.kube.objects import (
    Kind,
    Manifest,
    Ref,
    is_terminating,
    ref_of,
    uid_of,
    version_of,
)

SECRET_FINALIZER = f"{PREFIX}/credentials"
"""Keeps a deleted Secret readable until it is made again with the same values."""

FIRST_REVERT_PAUSE, LONGEST_REVERT_PAUSE = 1.0, 300.0
"""Seconds before a child is reverted again that somebody keeps on changing."""

PRUNE_PAUSE = 30.0
"""Seconds before a child is deleted again that could not be."""

HOLD_BACK_NO_OTHER = (PendingError, ConflictError, RefusedError, ForbiddenError, KindMissingError)
"""What is wrong with one child of a component, and nothing to the others."""


class Children:
    """Apply, patch, revert, restore and delete the children of one root, for one pass.

    Attributes:
        notes: The Events of what was done.
        blocked: Children that are reverted or deleted only after a pause, with its seconds.
    """

    def __init__(self, kube: Kube, cache: Cache, root: Root, view: View, memory: Memory) -> None:
        self.notes: list[Note] = []
        self.blocked: dict[Ref, float] = {}
        self._kube = kube
        self._cache = cache
        self._root = root
        self._view = view
        self._memory = memory
        self._lost = frozenset(cache.lost(root.ref))

    async def make(self, component: Component[Root]) -> set[Ref]:
        """Bring the children of a component to what it wants, and return them.

        Raises:
            OperatorError: A child cannot be brought there. Those that come after it are all the
                same, where the API server refused it.
        """
        root, view = self._root, self._view
        kinds = {kind.name: kind for kind in component.kinds}
        for patch in component.patches(root, view):
            await self._patch(patch)
        wanted = component.children(root, view)
        for ref in component.replaced(root, view):
            await self.remove(ref)
        return await self._settle_all([(kinds[one["kind"]], one) for one in wanted])

    async def prune(self, kept: set[Ref]) -> dict[Ref, OperatorError]:
        """Delete the children that are owned and no longer wanted; data is never pruned.

        Returns:
            What could not be deleted, and why; it is tried again after a while.
        """
        left: dict[Ref, OperatorError] = {}
        for ref in self._cache.owned(self._root.ref):
            if ref in kept or ref.kind.holds_data:
                continue
            live = self._view.get(ref)
            try:
                await self.remove(ref)
                # What is guarded is kept for those who want it, and nobody does any more.
                if live and SECRET_FINALIZER in live["metadata"].get("finalizers", []):
                    await release(self._kube, self._cache, ref, live)
            except OperatorError as error:
                left[ref] = error
                self.blocked[ref] = PRUNE_PAUSE
        return left

    async def remove(self, ref: Ref) -> None:
        """Delete a child as it was seen."""
        live = self._view.get(ref)
        if live is None or is_terminating(live) or not self._root.is_owner_of(ref.kind, live):
            return
        await self._kube.delete(ref, uid_of(live))
        self._cache.drop(ref)
        self._view.objects[ref] = None

    async def _settle_all(self, wanted: Iterable[tuple[Kind, Manifest]]) -> set[Ref]:
        refs, failure = set(), None
        for kind, manifest in wanted:
            ref = ref_of(kind, manifest)
            refs.add(ref)
            try:
                await self._settle(ref, manifest)
            except HOLD_BACK_NO_OTHER as error:
                # One child that is refused holds back none of the others.
                failure = failure or error
        if failure is not None:
            raise failure
        return refs

    async def _patch(self, patch: Patch) -> None:
        live = self._view.get(patch.ref)
        if live is None:
            return
        changed = await self._kube.merge(patch.ref, patch.onto(live))
        if self._cache.entry(patch.ref) is None:
            # It is read by name, and followed by nobody who would tell what becomes of it.
            self._view.objects[patch.ref] = changed
        else:
            self._saw(patch.ref, changed)
        if patch.message:
            self.notes.append(Note("Warning", patch.reason, "Patch", patch.message))

    async def _settle(self, ref: Ref, wanted: Manifest) -> None:
        problem = self._view.kinds.get(ref.kind)
        if isinstance(problem, AbsentError):
            self._view.miss(ref.kind)
            raise KindMissingError.of(ref.kind)
        if isinstance(problem, ForbiddenError):
            raise problem
        live = self._view.get(ref) or await self._create(ref, wanted)
        if live is not None:
            live = await self._admitted(ref, live) or await self._create(ref, wanted)
        if live is None:
            self._note_restored(ref)
        else:
            # An attempt of ours whose answer was lost may have made it: it is not in the cache yet.
            self._view.objects[ref] = live
            if not (is_terminating(live) and ref.kind.holds_data):
                await self._compare(ref, wanted, live)
        if ref in self._view.remembered or SECRET_FINALIZER in wanted["metadata"].get(
            "finalizers", []
        ):
            self._memory.secrets[ref] = dict(wanted["data"])

    async def _create(self, ref: Ref, wanted: Manifest) -> Manifest | None:
        """Create a child; return the object that has its name already, where there is one."""
        if ref in self._cache.lost(self._root.ref):
            self._lost |= {ref}  # It may have gone since the pass began.
        try:
            if not ref.kind.defaulted:
                created = await self._kube.create(ref.kind, wanted)
            elif await self._kube.is_there(ref):
                return await self._kube.get(ref)
            else:
                created = await self._kube.apply(ref.kind, wanted)
        except AlreadyExistsError:
            return await self._kube.get(ref)
        _note(self._saw(ref, created), created, _digest(wanted))
        return None

    def _note_restored(self, ref: Ref) -> None:
        if ref in self._lost:
            text = f"{ref} was gone and is made again."
            self.notes.append(Note("Normal", RESTORED, "Restore", text))

    async def _admitted(self, ref: Ref, live: Manifest) -> Manifest | None:
        """Return a live object that we may change; None where it made room for a new one."""
        if not self._root.is_owner_of(ref.kind, live):
            if self._root.is_successor_of_owner(live):
                finalizers = live["metadata"].get("finalizers", [])
                if is_terminating(live) and SECRET_FINALIZER in finalizers:
                    await release(self._kube, self._cache, ref, live)
                raise PendingError(f"{ref} of the {self._root.ref.kind} before is about to go")
            raise ConflictError(
                f"{ref} is there and does not belong to {self._root.ref}; give the "
                f"{self._root.ref.kind} another name, or move that object out of its way once you "
                "know that nothing needs it"
            )
        if not is_terminating(live) or ref.kind.holds_data:
            return live
        if SECRET_FINALIZER not in live["metadata"].get("finalizers", []):
            raise PendingError(f"{ref} is being deleted; it is made again once it is gone")
        await release(self._kube, self._cache, ref, live)
        if len(live["metadata"]["finalizers"]) > 1:
            raise PendingError(f"{ref} is being deleted; it is made again once it is gone")
        self._lost |= {ref}
        return None

    async def _compare(self, ref: Ref, wanted: Manifest, live: Manifest) -> None:
        digest = _digest(wanted)
        entry = self._cache.entry(ref)
        if entry is not None and entry.matched == digest:
            return
        drift = compare(wanted, live, ref.kind.fields)
        if not drift:
            if entry is not None:
                _note(entry, live, digest)
            return
        by_hand = entry is not None and entry.applied == digest
        if entry is not None and entry.accepted == _accepted(digest, drift, live):
            return
        if by_hand and not self._may_revert(ref):
            return
        corrected = await self._correct(ref, wanted, drift)
        entry = self._saw(ref, corrected)
        left = compare(wanted, corrected, ref.kind.fields)
        # A webhook undoes it, or the API does; once more would change nothing.
        _note(entry, corrected, digest, _accepted(digest, left, corrected) if left else b"")
        if by_hand:
            text = f"{ref} was changed ({drift}); reverted."
            self.notes.append(Note("Normal", REVERTED, "Revert", text))

    def _may_revert(self, ref: Ref) -> bool:
        """Return whether the time has come; who fights for a child waits longer each time."""
        backoff = self._memory.reverts.setdefault(
            ref, Backoff(FIRST_REVERT_PAUSE, LONGEST_REVERT_PAUSE, free=3)
        )
        pause = backoff.left()
        if pause > 0:
            self.blocked[ref] = pause
            return False
        backoff.strike()
        return True

    async def _correct(self, ref: Ref, wanted: Manifest, drift: Drift) -> Manifest:
        """Mend by an apply where that suffices, otherwise by a merge patch.

        An apply leaves what others added, and is refused where a list is merged by a key that
        somebody changed.
        """
        if not drift.extra and not ref.kind.fields.frozen:
            try:
                corrected = await self._kube.apply(ref.kind, wanted)
            except RefusedError:
                corrected = None
            if corrected is not None:
                drift = compare(wanted, corrected, ref.kind.fields)
                if not drift:
                    return corrected
        return await self._kube.merge(ref, patch_of(wanted, drift))

    def _saw(self, ref: Ref, live: Manifest) -> Entry:
        self._view.objects[ref] = live
        return self._cache.keep(ref, live, written=True)


async def release(kube: Kube, cache: Cache, ref: Ref, live: Manifest) -> None:
    """Take the operator's finalizer off a Secret that is to go."""
    kept = [name for name in live["metadata"].get("finalizers", []) if name != SECRET_FINALIZER]
    body = {"metadata": {"uid": uid_of(live), "finalizers": kept}}
    try:
        cache.keep(ref, await kube.merge(ref, body), written=True)
    except AbsentError:
        cache.drop(ref)


def _note(entry: Entry, live: Manifest, digest: bytes, accepted: bytes = b"") -> None:
    """Note what was wanted of an object, and whether it is so at the version that was looked at.

    The cache may know a later version by then: somebody's change overtook the answer to a write, or
    came while the pass was at another child.
    """
    entry.applied = digest
    entry.accepted = accepted
    if entry.version == version_of(live):
        entry.matched = b"" if accepted else digest


def _digest(manifest: Manifest) -> bytes:
    """Return what tells a manifest from another; the same code writes it in the same order."""
    return hashlib.sha256(json.dumps(manifest).encode()).digest()[:16]


def _accepted(digest: bytes, drift: Drift, live: Manifest) -> bytes:
    """Return what tells a difference, with the values that it has, from any other."""
    values = []
    for path in drift.paths():
        value: object = live
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        values.append([path, value])
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(digest + text.encode()).digest()[:16]
