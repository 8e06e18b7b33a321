"""What the process remembers of a store between passes; all of it can be lost without harm."""

from dataclasses import dataclass, field

from bookstore_operator.api.status import Condition
from bookstore_operator.kinds import Manifest, Ref
from bookstore_operator.store import StoreKey


class Sightings:
    """Hold the version of every object as the passes saw or wrote it last.

    An event that brings no newer one tells nothing new: it is the echo of a write of ours, or was
    read already.
    """

    def __init__(self) -> None:
        self._versions: dict[Ref, int] = {}
        self._removed: set[Ref] = set()

    def saw(self, ref: Ref, live: Manifest | None) -> None:
        """Take in an object as it was read or written, or its absence."""
        self._removed.discard(ref)
        self._versions[ref] = version(live["metadata"]["resourceVersion"]) if live else 0

    def removed(self, ref: Ref) -> None:
        """Take in that we deleted an object; the events of its end tell nothing new."""
        self._removed.add(ref)

    def is_news(self, ref: Ref, resource_version: str) -> bool:
        """Return whether an event tells more than the passes know."""
        if ref in self._removed:
            return False
        return version(resource_version) > self._versions.get(ref, -1)


def version(resource_version: str) -> int:
    """Return a resource version as a number that grows.

    Source: Kubernetes API concepts, "Resource versions", comparable since 1.35.
    """
    return int(resource_version) if resource_version.isdecimal() else 0


@dataclass
class StoreMemory:
    """Remember one store.

    Attributes:
        uid: The store that this is about; one of the same name made later begins anew.
        sightings: The versions of all objects that the passes saw.
        applied: Digests of what was wanted of each child last.
        accepted: Differences that mending did not mend, such as a webhook makes.
        secret: The generated Secret's data, to restore it by.
        revisions: Schema revisions by the uid of the Job that reached them.
        references: Secrets of others that the store depends on.
        told: The conditions of the last pass.
        unchanged: How many passes in a row came to the same conditions.
    """

    uid: str = ""
    sightings: Sightings = field(default_factory=Sightings)
    applied: dict[Ref, str] = field(default_factory=dict)
    accepted: dict[Ref, str] = field(default_factory=dict)
    secret: dict[str, str] = field(default_factory=dict)
    revisions: dict[str, str] = field(default_factory=dict)
    references: frozenset[Ref] = frozenset()
    told: list[Condition] = field(default_factory=list)
    unchanged: int = 0

    def become(self, uid: str) -> None:
        """Forget all, except what was sighted, when the store is another one of the same name."""
        if self.uid != uid:
            kept = self.sightings
            self.__init__(uid=uid, sightings=kept)  # type: ignore[misc]


class Memories:
    """Hold the memory of every store."""

    def __init__(self) -> None:
        self._stores: dict[StoreKey, StoreMemory] = {}

    def of(self, key: StoreKey) -> StoreMemory:
        """Return a store's memory, a new one where there is none."""
        return self._stores.setdefault(key, StoreMemory())

    def forget(self, key: StoreKey) -> None:
        """Forget a store that is gone."""
        self._stores.pop(key, None)
