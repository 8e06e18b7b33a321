"""Guard a root by the operator's finalizer, and take down at its end what nothing else takes.

The finalizer is the engine's and not kopf's: kopf comes back to a deletion that takes longer than
it waits only by touching the object, which needs an annotation of its own, so that without one a
deletion could hang for good.
"""

from contextlib import suppress
from typing import Any

from bookstore_operator.engine.children import SECRET_FINALIZER, release
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.resource import Resource
from bookstore_operator.engine.root import FINALIZER, Root
from bookstore_operator.engine.view import View
from bookstore_operator.kube.cache import Cache
from bookstore_operator.kube.client import Kube
from bookstore_operator.kube.errors import AbsentError, AlreadyExistsError
from bookstore_operator.kube.kinds import SECRET
from bookstore_operator.kube.objects import (
    Manifest,
    Ref,
    controller_of,
    is_terminating,
    ref_of,
    uid_of,
)


class Finalizer:
    """Add and remove the finalizer, and clean up between; every step can be repeated."""

    def __init__(self, resource: Resource, kube: Kube, cache: Cache) -> None:
        self._resource = resource
        self._kube = kube
        self._cache = cache

    async def add(self, root: Root, body: Manifest) -> None:
        """Add the finalizer; without it a volume could outlive its root unnoticed."""
        finalizers = [*body["metadata"].get("finalizers", []), FINALIZER]
        await self._set(root, body, finalizers)

    async def remove(self, root: Root) -> None:
        """Remove the finalizer, so that the root goes."""
        body = await self._kube.get(root.ref)
        if body is None or uid_of(body) != root.uid:
            return
        finalizers = [name for name in body["metadata"].get("finalizers", []) if name != FINALIZER]
        try:
            await self._set(root, body, finalizers)
        except AbsentError:
            return

    async def clean_up(self, root: Root, view: View) -> list[Ref]:
        """Run one round of the clean-up of a root that is being deleted.

        The garbage collector takes what the root owns; guarded Secrets are let go here. What holds
        data stays where the root retains it.

        Returns:
            What is still there and must go first; the root may go once it is empty.

        Raises:
            ApiError: A step failed and is to be repeated.
        """
        await self._release(root.ref)
        for component in reversed(self._resource.components):
            for patch in component.final_patches(root, view):
                live = view.get(patch.ref)
                if live is not None:
                    await self._kube.merge(patch.ref, patch.onto(live))
        working = [ref for one in self._parts(root) for ref in await self._part(one, root, view)]
        left = [ref for ref in self._leftovers(root, view) if await self._delete(root, ref)]
        return [*working, *left]

    async def release_orphans(self, key: Ref) -> None:
        """Let guarded Secrets go whose root is gone, so that nothing hangs on our finalizer."""
        guarded = any(ref.kind is SECRET for ref in self._cache.owned(key))
        if guarded and await self._kube.get(key) is None:
            await self._release(key)

    def _parts(self, root: Root) -> list[Component[Any]]:
        return [one for one in reversed(self._resource.components) if one.active(root)]

    async def _part(self, component: Component[Any], root: Root, view: View) -> list[Ref]:
        """Make what a component wants done before the root goes, and return it."""
        for ref in component.parting_references(root):
            view.objects[ref] = await self._kube.get(ref)
        kinds = {kind.name: kind for kind in component.kinds}
        working = []
        for manifest in component.parting(root, view):
            ref = ref_of(kinds[manifest["kind"]], manifest)
            working.append(ref)
            if view.get(ref) is None:
                with suppress(AlreadyExistsError):
                    self._cache.keep(ref, await self._kube.create(ref.kind, manifest), written=True)
        return working

    def _leftovers(self, root: Root, view: View) -> list[Ref]:
        found = [ref for one in self._parts(root) for ref in one.leftovers(root, view)]
        return [ref for ref in found if not (ref.kind.holds_data and root.retains_data)]

    async def _release(self, key: Ref) -> None:
        for ref in self._cache.owned(key):
            entry = self._cache.entry(ref)
            live = entry.live() if entry else None
            if live is None or controller_of(live) is None:
                continue
            if SECRET_FINALIZER in live["metadata"].get("finalizers", []):
                await release(self._kube, self._cache, ref, live)

    async def _delete(self, root: Root, ref: Ref) -> bool:
        """Ask for the end of an object of ours, and return whether it is still there."""
        live = await self._kube.get(ref)
        if live is None or not root.is_owner_of(ref.kind, live):
            return False
        if not is_terminating(live):
            await self._kube.delete(ref, uid_of(live))
        return True

    async def _set(self, root: Root, body: Manifest, finalizers: list[str]) -> None:
        metadata = body["metadata"]
        patch = {
            "metadata": {
                "uid": root.uid,
                "resourceVersion": metadata["resourceVersion"],
                "finalizers": finalizers,
            }
        }
        written = await self._kube.merge(root.ref, patch)
        if finalizers:
            self._cache.keep(root.ref, written, written=True)
