"""Objects of the API: manifests, what the operator knows of a kind, and references to objects."""

from dataclasses import dataclass
from typing import Any, NamedTuple

Manifest = dict[str, Any]
"""An object of the API as plain JSON values."""

Path = tuple[str, ...]
"""The names that lead to a field."""

READ = ("get", "list", "watch")
KEEP = (*READ, "create", "patch", "delete")
"""The verbs on a kind of child; a server-side apply that creates needs ``create`` and ``patch``."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The parts of a kind's objects that are the operator's alone, and those that cannot change.

    Attributes:
        exclusive: Parts in which a field of somebody else is taken out.
        shared: Parts within them where such a field stays.
        exact: Maps that hold what is wanted and nothing else.
        frozen: Parts that the API does not let change, and that are not compared. An apply would
            have to repeat them, so objects of such a kind are changed by a merge patch.
    """

    exclusive: tuple[Path, ...] = ()
    shared: tuple[Path, ...] = ()
    exact: tuple[Path, ...] = ()
    frozen: tuple[Path, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Kind:
    """A resource of the API, and all that the operator needs to know of it.

    Rights, watches, comparison, ownership and pruning derive from this description.

    Attributes:
        group: The API group; empty for the core group.
        version: The version within the group.
        name: The kind, as manifests state it.
        plural: The resource, as paths state it.
        namespaced: Whether objects live in a namespace.
        verbs: What the operator does with objects of the kind.
        fields: Which fields are the operator's alone.
        holds_data: Whether objects outlive their owner where its policy says so. They bear no owner
            reference, are known by their labels, and are never pruned.
        defaulted: Whether the API server fills in fields beside ours. Such an object is made by a
            server-side apply, which owns what it names and no default; others by a create, which
            is cheaper and refuses a name that is taken.
        foreground: Whether an object that is deleted goes only once all that it owns is gone.
        provider: Who serves the kind and where to get that, as part of a sentence; empty for a kind
            of Kubernetes itself, which every cluster has. Without it the kind is missing, which
            concerns nobody but those who want an object of it.
    """

    group: str
    version: str
    name: str
    plural: str
    namespaced: bool = True
    verbs: tuple[str, ...] = KEEP
    fields: Fields = Fields()
    holds_data: bool = False
    defaulted: bool = False
    foreground: bool = False
    provider: str = ""

    @property
    def api_version(self) -> str:
        """Return group and version as manifests state them."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """Return plural and group, as a CustomResourceDefinition is called."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def __str__(self) -> str:
        return self.name


class Ref(NamedTuple):
    """A reference to one object.

    Attributes:
        kind: The kind of the object.
        namespace: Where it lives; empty for a cluster-scoped kind.
        name: Its name.
    """

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        path = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind.name} {path}"


def ref_of(kind: Kind, live: Manifest) -> Ref:
    """Return the reference to an object of a kind."""
    metadata = live["metadata"]
    return Ref(kind, metadata.get("namespace", "") if kind.namespaced else "", metadata["name"])


def uid_of(live: Manifest) -> str:
    """Return an object's uid."""
    return str(live["metadata"]["uid"])


def version_of(live: Manifest) -> int:
    """Return an object's resource version as a number that grows; 0 where it has none.

    Source: Kubernetes API concepts, "Resource versions", comparable since 1.35.
    """
    text = str(live["metadata"].get("resourceVersion", ""))
    return int(text) if text.isdecimal() else 0


def is_terminating(live: Manifest | None) -> bool:
    """Return whether an object is there and on its way out."""
    return live is not None and "deletionTimestamp" in live["metadata"]


def controller_of(live: Manifest) -> Manifest | None:
    """Return the owner reference of the object's controller, or None."""
    owners: list[Manifest] = live["metadata"].get("ownerReferences", [])
    return next((owner for owner in owners if owner.get("controller")), None)
