"""The last known state of every root and child, so that a pass need not ask for it."""

import json
import zlib
from collections.abc import Callable

from bookstore_operator.kube.objects import Kind, Manifest, Ref, ref_of, uid_of, version_of

REMEMBERED_ENDS = 1024
"""Objects whose end is remembered, for answers that come after it."""


class Entry:
    """One object, packed.

    Attributes:
        uid: The object's uid.
        version: Its resource version.
        written: The version that our own write gave it last; an event with it is an echo.
        matched: The digest of the wanted manifest that this very version was seen to match.
        applied: The digest of what was wanted of it last.
        accepted: A difference that applying did not mend, such as a webhook makes, with its values.
        root: The key of the root that it belongs to, or None.
    """

    __slots__ = ("_packed", "accepted", "applied", "matched", "root", "uid", "version", "written")

    def __init__(self, live: Manifest) -> None:
        self.written = 0
        self.applied = b""
        self.accepted = b""
        self.root: Ref | None = None
        self.take(live)

    def take(self, live: Manifest) -> None:
        """Take in another version of the object."""
        self.uid = uid_of(live)
        self.version = version_of(live)
        self.matched = b""
        # A store's ten children as Python objects are some 300 KB, packed some 12.
        self._packed = zlib.compress(json.dumps(live, separators=(",", ":")).encode(), 1)

    def live(self) -> Manifest:
        """Return the object, unpacked anew."""
        found: Manifest = json.loads(zlib.decompress(self._packed))
        return found


class Cache:
    """Roots and children by reference, and whose the children are.

    Args:
        owner: Returns the key of the root that an object belongs to, or None where it has none.
        news: Called with the key of a root, a reference, its version and the event when something
            changed; the event is ``LISTED`` where a list told it.
    """

    def __init__(
        self,
        owner: Callable[[Kind, Manifest], Ref | None],
        news: Callable[[Ref, Ref, int, str], None],
    ) -> None:
        self._owner = owner
        self._news = news
        self._entries: dict[Ref, Entry] = {}
        self._owned: dict[Ref, set[Ref]] = {}
        self._lost: dict[Ref, set[Ref]] = {}
        self._ended: dict[str, None] = {}

    def entry(self, ref: Ref) -> Entry | None:
        """Return what is known of an object, or None where none is known."""
        return self._entries.get(ref)

    def owned(self, key: Ref) -> list[Ref]:
        """Return the objects that belong to a root, in a steady order."""
        return sorted(self._owned.get(key, ()), key=lambda ref: (ref.kind.plural, ref.name))

    def of_kind(self, kind: Kind) -> list[Ref]:
        """Return all objects of a kind that are known."""
        return [ref for ref in self._entries if ref.kind is kind]

    def roots(self) -> set[Ref]:
        """Return the keys of all roots that are known, or of which a child is."""
        return {entry.root for entry in self._entries.values() if entry.root is not None}

    def is_echo(self, ref: Ref, version: int) -> bool:
        """Return whether a version of an object is the one that our own write gave it."""
        entry = self._entries.get(ref)
        return entry is not None and entry.written >= version

    def lost(self, key: Ref) -> set[Ref]:
        """Return the objects of a root that somebody else deleted and that are not made again."""
        return self._lost.get(key, set())

    def forget(self, key: Ref) -> None:
        """Forget what was lost of a root that is gone."""
        self._lost.pop(key, None)

    def keep(self, ref: Ref, live: Manifest, *, written: bool = False) -> Entry:
        """Take in an object as a read or a write of ours returned it.

        The event of its deletion may come before that answer; what is gone is not taken in.
        """
        if uid_of(live) in self._ended:
            return Entry(live)
        entry = self._put(ref, live)
        if written and entry.version == version_of(live):
            entry.written = entry.version
        return entry

    def drop(self, ref: Ref) -> None:
        """Take an object out that is known to be gone."""
        entry = self._entries.pop(ref, None)
        if entry is not None:
            self._disown(ref, entry)

    def listed(self, kind: Kind, namespace: str, found: set[Ref]) -> None:
        """Take in the end of a list; what is known and not in it was deleted unwatched."""
        for ref in [known for known in self._entries if known.kind is kind]:
            if ref not in found and namespace in {"", ref.namespace}:
                self._gone(ref, self._entries[ref].version)

    def changed(self, kind: Kind, event: str, live: Manifest) -> None:
        """Take in an event; one that tells nothing new is passed over."""
        ref = ref_of(kind, live)
        entry = self._entries.get(ref)
        if event == "DELETED":
            # One of a predecessor, whose name was taken again meanwhile, tells nothing of this one.
            if entry is not None and entry.uid == uid_of(live):
                self._gone(ref, version_of(live))
            else:
                self._remember_end(uid_of(live))
            return
        version = version_of(live)
        if entry is not None and entry.version >= version:
            return
        live.setdefault("apiVersion", kind.api_version)
        live.setdefault("kind", kind.name)
        key = self._put(ref, live).root
        if key is not None:
            self._news(key, ref, version, event)

    def _put(self, ref: Ref, live: Manifest) -> Entry:
        entry = self._entries.get(ref)
        if entry is None or entry.uid != uid_of(live):
            if entry is not None:
                self._disown(ref, entry)
            entry = self._entries[ref] = Entry(live)
        elif entry.version <= version_of(live):
            entry.take(live)
        key = self._owner(ref.kind, live)
        if entry.root is not None and entry.root != key:
            self._disown(ref, entry)
        entry.root = key
        if key is not None and key != ref:
            self._owned.setdefault(key, set()).add(ref)
            self.lost(key).discard(ref)
        return entry

    def _remember_end(self, uid: str) -> None:
        self._ended[uid] = None
        if len(self._ended) > REMEMBERED_ENDS:
            del self._ended[next(iter(self._ended))]

    def _gone(self, ref: Ref, version: int) -> None:
        self._remember_end(self._entries[ref].uid)
        key = self._entries[ref].root
        self.drop(ref)
        if key is not None:
            if key != ref:
                self._lost.setdefault(key, set()).add(ref)
            self._news(key, ref, version, "DELETED")

    def _disown(self, ref: Ref, entry: Entry) -> None:
        if entry.root is not None and (owned := self._owned.get(entry.root)) is not None:
            owned.discard(ref)
            if not owned:
                del self._owned[entry.root]
