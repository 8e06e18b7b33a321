"""What a component sees: the root, its children, what others gave out, and facts from outside."""

import secrets
from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from bookstore_operator.engine.root import Root
from bookstore_operator.kube.errors import OperatorError
from bookstore_operator.kube.objects import Kind, Manifest, Ref

Output = TypeVar("Output")
R = TypeVar("R", bound=Root)


class Query(NamedTuple):
    """Ask for the objects of a kind in the root's namespace: all these labels, all these fields."""

    kind: Kind
    labels: tuple[tuple[str, str], ...] = ()
    fields: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, kind: Kind, labels: Mapping[str, str]) -> "Query":
        """Return the query for labels given as a mapping."""
        return cls(kind, tuple(sorted(labels.items())))

    @property
    def selector(self) -> str:
        """Return the labels as the API takes them."""
        return _joined(self.labels)

    @property
    def field_selector(self) -> str:
        """Return the fields as the API takes them."""
        return _joined(self.fields)


def _joined(pairs: tuple[tuple[str, str], ...]) -> str:
    return ",".join(f"{name}={value}" for name, value in pairs)


@dataclass
class View:
    """The objects of a root as one pass finds them; absence is a finding too.

    Attributes:
        root: The root.
        now: When the pass began, in UTC.
        objects: Objects that were read by name; None where nothing is there.
        lists: Objects that were asked for by labels.
        remembered: The data of guarded Secrets as this process saw it last, to restore them by.
        facts: The last answers to questions about the world outside of the cluster's API.
        kinds: What is wrong with kinds that cannot be followed at the moment.
        lookup: Reads a child that is not among ``objects`` from the cache.
        children: Names the children that the cache knows.
        token: Makes a new random text for a Secret.
        miss: Called with a kind that is wanted and that the cluster does not serve.
        outputs: What components gave out, by its type.
        scopes: What those of a part gave out to that part alone.
    """

    root: Root
    now: datetime
    objects: dict[Ref, Manifest | None] = field(default_factory=dict)
    lists: dict[Query, list[Manifest]] = field(default_factory=dict)
    remembered: Mapping[Ref, Mapping[str, str]] = field(default_factory=dict)
    facts: Mapping[Any, Any] = field(default_factory=dict)
    kinds: Mapping[Kind, OperatorError] = field(default_factory=dict)
    lookup: Callable[[Ref], Manifest | None] = lambda _ref: None
    children: Callable[[], Iterable[Ref]] | None = None
    token: Callable[[], str] = lambda: secrets.token_urlsafe(32)
    miss: Callable[[Kind], None] = lambda _kind: None
    outputs: MutableMapping[type, Any] = field(default_factory=dict)
    scopes: dict[str, dict[type, Any]] = field(default_factory=dict)

    def within(self, scope: str, root: Root) -> "View":
        """Return the view of a part of the root, which gives out to that part alone.

        Args:
            scope: The part; all that is given out within it is kept under its name.
            root: The root as that part sees it.
        """
        own = self.scopes.setdefault(scope, {})
        return replace(self, root=root, outputs=ChainMap(own, dict(self.outputs)))

    def get(self, ref: Ref) -> Manifest | None:
        """Return an object, or None where it is absent."""
        if ref not in self.objects:
            self.objects[ref] = self.lookup(ref)
        return self.objects[ref]

    def related(self, kind: Kind) -> dict[Ref, Manifest]:
        """Return the objects of a kind that are the root's by owner or label.

        Those that a child of it made are among them, such as the Jobs of a CronJob.
        """
        known = {*(self.children() if self.children else ()), *self.objects}
        return {
            ref: live
            for ref in sorted(known, key=lambda ref: (ref.namespace, ref.name))
            if ref.kind is kind and (live := self.get(ref)) is not None
        }

    def owned(self, kind: Kind) -> dict[Ref, Manifest]:
        """Return the children of a kind that there are, whether they are still wanted or not."""
        found = self.related(kind)
        return {ref: live for ref, live in found.items() if self.root.is_owner_of(kind, live)}

    def found(self, query: Query) -> list[Manifest] | None:
        """Return what a query found; None where it was not asked in this pass."""
        return self.lists.get(query)

    def give(self, *outputs: object) -> None:
        """Give something out that later components read by its type."""
        self.outputs.update((type(output), output) for output in outputs)

    def output(self, kind: type[Output]) -> Output:
        """Return what an earlier component gave out.

        Raises:
            LookupError: No earlier component gives out such a thing; a fault of the order.
        """
        found: Output = self.outputs[kind]
        return found
