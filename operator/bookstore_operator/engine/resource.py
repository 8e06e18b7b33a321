"""A kind of root: its components in their order, how it is parsed, and what its status holds."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from bookstore_operator.api.conditions import (
    COMMON_EVENTS,
    COMMON_REASONS,
    SUMMARIES,
    ConditionType,
    EventReason,
    Reason,
)
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.root import Root
from bookstore_operator.kube.client import Rights
from bookstore_operator.kube.kinds import EVENT, SECRET
from bookstore_operator.kube.objects import Kind


class Resource(Protocol):
    """A kind of root that the engine reconciles.

    Attributes:
        kind: The kind of the root.
        components: All components, in the order in which they are brought about.
        selector: The labels by which its children are followed.
        counted: Whether the gauge of stores counts it.
    """

    kind: Kind
    components: Sequence[Component[Any]]
    selector: str
    counted: bool

    def identify(self, body: Mapping[str, Any]) -> Root:
        """Return what a root is apart from its spec, which nobody may understand."""

    def parse(self, body: Mapping[str, Any]) -> Root:
        """Return the root that a body describes, with its spec.

        Raises:
            InvalidResourceError: The spec is not one that this operator understands.
        """

    def unknown_fields(self, body: Mapping[str, Any]) -> list[str]:
        """Return the fields of a spec that this operator does not know."""


def condition_types(resource: Resource) -> list[ConditionType]:
    """Return the conditions that the operator writes on a kind of root."""
    return [*SUMMARIES, *dict.fromkeys(one.condition for one in resource.components)]


def reasons(resource: Resource) -> list[Reason]:
    """Return the reasons that conditions may have."""
    own = [reason for one in resource.components for reason in (*one.reasons, one.awaited)]
    return list(dict.fromkeys([*COMMON_REASONS, *own]))


def events(resource: Resource) -> list[EventReason]:
    """Return the reasons of Events that are no condition's."""
    own = [reason for one in resource.components for reason in one.events]
    return list(dict.fromkeys([*COMMON_EVENTS, *own]))


def child_kinds(resource: Resource) -> list[Kind]:
    """Return the kinds of all children, each once."""
    return list(dict.fromkeys(kind for one in resource.components for kind in one.kinds))


def referred_kinds(resource: Resource) -> list[Kind]:
    """Return the kinds whose objects, made by others, components read by name.

    Secrets are both: children, and what a spec points at.
    """
    read = [kind for one in resource.components for kind in one.reads if "watch" in kind.verbs]
    own = [SECRET] if SECRET in child_kinds(resource) else []
    return list(dict.fromkeys([*own, *read]))


def kinds_used(resource: Resource) -> list[Kind]:
    """Return every kind that the operator reads or writes for a kind of root, itself included."""
    read = [kind for one in resource.components for kind in one.reads]
    return list(dict.fromkeys([resource.kind, *child_kinds(resource), *read, EVENT]))


def rights(resource: Resource) -> Rights:
    """Return what the operator may do, as its kinds declare it."""
    root = resource.kind
    used = kinds_used(resource)
    verbs = {(kind.group, kind.plural, verb) for kind in used for verb in kind.verbs}
    return frozenset(verbs | {(root.group, f"{root.plural}/status", "patch")})
