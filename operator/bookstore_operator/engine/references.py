"""Objects of others that roots refer to: followed by their metadata alone, read when they change.

Their data stays out of the watch, so that the operator never holds a Secret that no root names.
"""

from collections.abc import Callable

from bookstore_operator.kube.cache import Entry
from bookstore_operator.kube.client import Kube
from bookstore_operator.kube.objects import Kind, Manifest, Ref, ref_of, version_of


class References:
    """Know which roots refer to which objects, and keep those objects as they were read last.

    Args:
        kube: The way to the API server.
        news: Called with a root's key, the reference, version and event, when an object changed.
    """

    def __init__(self, kube: Kube, news: Callable[[Ref, Ref, int, str], None]) -> None:
        self._kube = kube
        self._news = news
        self._roots: dict[Ref, set[Ref]] = {}
        self._referred: dict[Ref, frozenset[Ref]] = {}
        self._versions: dict[Ref, int] = {}
        self._entries: dict[Ref, Entry | None] = {}
        self.followed: set[tuple[Kind, str]] = set()
        """Kinds with the namespaces in which they are followed; empty for everywhere."""

    def refer(self, key: Ref, refs: frozenset[Ref]) -> None:
        """Take in what a root refers to from now on; nothing takes it out."""
        before = self._referred.get(key, frozenset())
        if refs == before:
            return
        for ref in refs - before:
            self._roots.setdefault(ref, set()).add(key)
        for ref in before - refs:
            roots = self._roots.get(ref, set())
            roots.discard(key)
            if not roots:
                self._roots.pop(ref, None)
                self._entries.pop(ref, None)
                self._versions.pop(ref, None)
        if refs:
            self._referred[key] = refs
        else:
            self._referred.pop(key, None)

    async def get(self, ref: Ref) -> Manifest | None:
        """Return an object that a root refers to, or None where it is not there."""
        if ref in self._entries:
            entry = self._entries[ref]
            return entry.live() if entry else None
        self._versions.setdefault(ref, 0)
        live = await self._kube.get(ref)
        # What changed while it was read is read again the next time.
        known = self._versions.get(ref, 0)
        fresh = known <= version_of(live) if live else known == 0
        if ref in self._roots and self._is_followed(ref) and fresh:
            self._entries[ref] = Entry(live) if live else None
        return live

    def _is_followed(self, ref: Ref) -> bool:
        return bool({(ref.kind, ""), (ref.kind, ref.namespace)} & self.followed)

    def listed(self, kind: Kind, namespace: str, found: set[Ref]) -> None:
        """Take in the end of a list; what a root refers to and is not in it is gone."""
        for ref in [ref for ref in self._roots if ref.kind is kind]:
            if ref not in found and namespace in {"", ref.namespace}:
                self._changed(ref, 0)

    def changed(self, kind: Kind, event: str, live: Manifest) -> None:
        """Take in an event of an object's metadata."""
        del event
        self._changed(ref_of(kind, live), version_of(live))

    def _changed(self, ref: Ref, version: int) -> None:
        if ref not in self._roots:
            return
        known = self._entries.get(ref)
        if known is not None and known.version == version:
            return
        self._versions[ref] = version
        self._entries.pop(ref, None)
        for key in list(self._roots[ref]):
            self._news(key, ref, version, "MODIFIED")
