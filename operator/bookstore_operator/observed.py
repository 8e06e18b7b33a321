"""What one pass of the reconciler has seen of a store."""

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bookstore_operator.kinds import JOB, Kind, Manifest, Ref


@dataclass(frozen=True)
class Query:
    """Ask for the objects of a kind in the store's namespace that bear all these labels."""

    kind: Kind
    labels: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, kind: Kind, labels: Mapping[str, str]) -> "Query":
        """Return the query for labels given as a mapping."""
        return cls(kind, tuple(sorted(labels.items())))

    @property
    def selector(self) -> str:
        """Return the labels as the API takes them."""
        return ",".join(f"{name}={value}" for name, value in self.labels)


@dataclass
class Observed:
    """Hold the objects of a store as they were found; absence is a finding too.

    Attributes:
        now: When the pass began, in UTC.
        objects: What was asked for by name; None where nothing is there.
        lists: What was asked for by labels.
        remembered: The generated Secret's data as this process saw it last, to restore it by.
        token: Makes a new random text for a Secret.
        revisions: Schema revisions by the uid of the Job that reached them.
    """

    now: datetime
    objects: dict[Ref, Manifest | None] = field(default_factory=dict)
    lists: dict[Query, list[Manifest]] = field(default_factory=dict)
    remembered: Mapping[str, str] = field(default_factory=dict)
    token: Callable[[], str] = lambda: secrets.token_urlsafe(32)
    revisions: Mapping[str, str] = field(default_factory=dict)

    def get(self, ref: Ref) -> Manifest | None:
        """Return an object, or None where it is absent or was not asked for."""
        return self.objects.get(ref)

    def found(self, query: Query) -> list[Manifest]:
        """Return what a query found; nothing where it was not asked."""
        return self.lists.get(query, [])

    def jobs(self) -> Iterable[Manifest]:
        """Return every Job that was seen, whether by name or by labels."""
        return [found for ref, found in self.objects.items() if found and ref.kind == JOB]


def is_terminating(live: Manifest | None) -> bool:
    """Return whether an object is there and on its way out."""
    return live is not None and "deletionTimestamp" in live["metadata"]
