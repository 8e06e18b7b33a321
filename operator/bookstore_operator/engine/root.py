"""What the engine needs to know of a root: the resource that a person applies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bookstore_operator.api.conditions import Condition
from bookstore_operator.kube.client import MANAGER
from bookstore_operator.kube.objects import Kind, Manifest, Ref, controller_of, is_terminating

PREFIX = "bookstore.dev"
FINALIZER = f"{PREFIX}/finalizer"
NAMESPACE_LABEL = f"{PREFIX}/namespace"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
INSTANCE_LABEL = "app.kubernetes.io/instance"
MANAGED = f"{MANAGED_BY_LABEL}={MANAGER}"


@dataclass(frozen=True)
class Root:
    """One resource whose children the engine keeps, as the API returned it.

    Attributes:
        ref: Kind, namespace and name.
        uid: The identity that a root of the same name made later does not share.
        generation: The generation of the spec.
        annotations: The annotations of the resource.
        conditions: The conditions as they were written last, those of other writers too.
        finalized: Whether the operator's finalizer guards the root.
        deleting: Whether the root is being deleted.
        paused: Whether the spec wants its children left as they are.
        retains_data: Whether kinds that hold data stay when the root is deleted.
    """

    ref: Ref
    uid: str
    generation: int
    annotations: Mapping[str, str]
    conditions: Sequence[Condition]
    finalized: bool
    deleting: bool
    paused: bool
    retains_data: bool

    @property
    def name(self) -> str:
        """Return the root's name."""
        return self.ref.name

    @property
    def namespace(self) -> str:
        """Return the root's namespace."""
        return self.ref.namespace

    def condition(self, kind: str) -> Condition | None:
        """Return a condition as it was written last, or None."""
        return next((one for one in self.conditions if one.type == kind), None)

    def owner(self) -> dict[str, Any]:
        """Return the owner reference of a child, by which the garbage collector removes it."""
        return {
            "apiVersion": self.ref.kind.api_version,
            "kind": self.ref.kind.name,
            "name": self.name,
            "uid": self.uid,
            "controller": True,
        }

    def is_owner_of(self, kind: Kind, live: Manifest) -> bool:
        """Return whether an object belongs to the root: by its controller, else by its labels.

        What outlives a root is known by its labels alone. An object of the same name that has
        neither is somebody else's.
        """
        controller = controller_of(live)
        if controller is not None:
            return bool(controller["uid"] == self.uid) and not kind.holds_data
        labels = live["metadata"].get("labels", {})
        place = labels.get(NAMESPACE_LABEL) if not kind.namespaced else self.namespace
        found = (labels.get(MANAGED_BY_LABEL), labels.get(INSTANCE_LABEL), place)
        return found == (MANAGER, self.name, self.namespace)

    def is_successor_of_owner(self, live: Manifest) -> bool:
        """Return whether an object belongs to a root of this name that was there before.

        It is about to go, and says nothing of this root.
        """
        controller = controller_of(live)
        return (
            controller is not None
            and (controller["kind"], controller["name"]) == (self.ref.kind.name, self.name)
            and controller["uid"] != self.uid
        )


def identify(kind: Kind, body: Mapping[str, Any], types: frozenset[str]) -> Root:
    """Return what a root is apart from its spec, which this operator may not understand.

    Args:
        kind: The kind of the root.
        body: The root as the API returned it.
        types: The conditions that the operator writes; other writers' are left out.
    """
    metadata = body["metadata"]
    status = body.get("status") or {}
    conditions = [one for one in status.get("conditions", []) if one["type"] in types]
    return Root(
        ref=Ref(kind, metadata["namespace"], metadata["name"]),
        uid=metadata["uid"],
        generation=metadata["generation"],
        annotations=metadata.get("annotations") or {},
        conditions=tuple(map(Condition.model_validate, conditions)),
        finalized=FINALIZER in metadata.get("finalizers", []),
        deleting=is_terminating(dict(body)),
        paused=False,
        retains_data=True,
    )


def root_of(kind: Kind, live: Manifest) -> Ref | None:
    """Return the root of a kind that a child belongs to, whether that root exists or not.

    Args:
        kind: The kind of the root.
        live: The child.
    """
    metadata = live["metadata"]
    for owner in metadata.get("ownerReferences", []):
        if owner["kind"] == kind.name and owner["apiVersion"] == kind.api_version:
            return Ref(kind, metadata["namespace"], owner["name"])
    labels = metadata.get("labels", {})
    namespace = metadata.get("namespace") or labels.get(NAMESPACE_LABEL)
    instance = labels.get(INSTANCE_LABEL)
    if not (namespace and instance) or labels.get(MANAGED_BY_LABEL) != MANAGER:
        return None
    return Ref(kind, namespace, instance)
