"""The one shape of a component."""

from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from bookstore_operator.api.conditions import WORKING, ConditionType, EventReason, Reason
from bookstore_operator.api.model import ApiModel
from bookstore_operator.engine.root import Root
from bookstore_operator.engine.verdict import Verdict, failed
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.errors import OperatorError
from bookstore_operator.kube.objects import Kind, Manifest, Ref, uid_of

R = TypeVar("R", bound=Root)


class Question(Protocol, Hashable):
    """Ask something of the world outside of the API server; equal questions are asked once."""

    async def ask(self) -> Any:
        """Return the answer; None where there is none."""


@dataclass(frozen=True)
class Patch:
    """Change an object that an apply cannot bring where it is wanted.

    Attributes:
        ref: The object. It is patched only as it was seen: by its uid.
        body: The JSON merge patch.
        message: The message of the Event; empty where there is none.
        reason: The reason of the Event.
    """

    ref: Ref
    body: Manifest
    message: str = ""
    reason: str = "Patched"

    def onto(self, live: Manifest) -> Manifest:
        """Return the body of the patch, bound to the very object that was seen."""
        metadata = {**self.body.get("metadata", {}), "uid": uid_of(live)}
        return {**self.body, "metadata": metadata}


class Component(ABC, Generic[R]):
    """One part of a root: what it wants, and how it judges what is there; every method is pure.

    Attributes:
        condition: The condition that holds the component's verdict.
        told: Whether a metric tells the condition of each root, for alerts on it alone.
        awaited: The reason of a component that begins after this one.
        spec_fields: Its own fields of the spec, which no other component reads; None for none.
        status_fields: Its own fields of the status, likewise.
        kinds: The kinds of its children.
        reads: Other kinds that it lists or reads.
        reasons: The reasons that its verdicts may have, beside the common ones.
        events: The reasons of Events of its own, which no verdict has.
        requires: Conditions of components without which nothing can be wanted of this one.
        begins_after: Conditions of components that hold this one back until it has begun.
    """

    condition: ClassVar[ConditionType]
    told: ClassVar[bool] = False
    awaited: ClassVar[Reason] = WORKING
    spec_fields: ClassVar[type[ApiModel] | None] = None
    status_fields: ClassVar[type[ApiModel] | None] = None
    kinds: ClassVar[tuple[Kind, ...]] = ()
    reads: ClassVar[tuple[Kind, ...]] = ()
    reasons: ClassVar[tuple[Reason, ...]] = ()
    events: ClassVar[tuple[EventReason, ...]] = ()
    requires: ClassVar[tuple[ConditionType, ...]] = ()
    begins_after: ClassVar[tuple[ConditionType, ...]] = ()

    def active(self, root: R) -> bool:  # noqa: ARG002
        """Return whether the root has this part at all; one without it has no such condition."""
        return True

    def references(self, root: R, view: View) -> list[Ref]:  # noqa: ARG002
        """Return the objects of others that the component reads by name."""
        return []

    def begun(self, root: R, view: View) -> bool:  # noqa: ARG002
        """Return whether the part was made before, so that it is kept true though others wait."""
        return True

    def outputs(self, root: R, view: View) -> tuple[object, ...]:  # noqa: ARG002
        """Return what later components read by its type."""
        return ()

    def patches(self, root: R, view: View) -> list[Patch]:  # noqa: ARG002
        """Return changes to what is there that come before the wanted objects are applied."""
        return []

    def replaced(self, root: R, view: View) -> list[Ref]:  # noqa: ARG002
        """Return objects that are deleted before the wanted ones of their names are applied."""
        return []

    @abstractmethod
    def children(self, root: R, view: View) -> list[Manifest]:
        """Return the objects that the component wants, in the order in which they are applied."""

    def retained(self, root: R, view: View) -> set[Ref]:  # noqa: ARG002
        """Return children that are no longer wanted and stay all the same for a while."""
        return set()

    def queries(self, root: R, view: View) -> list[Query]:  # noqa: ARG002
        """Return the lists that the component needs to explain why it is not ready."""
        return []

    def questions(self, root: R, view: View) -> list[Question]:  # noqa: ARG002
        """Return what the component wants to know of the world outside of the API server."""
        return []

    @abstractmethod
    def judge(self, root: R, view: View) -> Verdict:
        """Judge what is there after the wanted objects were applied."""

    def refused(self, root: R, view: View, error: OperatorError) -> Verdict:  # noqa: ARG002
        """Return the judgement where the API server refused a child."""
        return failed(error.reason, str(error))

    def available(self, root: R, view: View) -> Verdict | None:  # noqa: ARG002
        """Return whether the root serves, where this is the component that knows it."""
        return None

    def status(self, root: R, view: View) -> Manifest:  # noqa: ARG002
        """Return the component's fields of the status."""
        return {}

    def announcements(self, root: R, view: View) -> list[tuple[EventReason, str]]:  # noqa: ARG002
        """Return the Events, each with its sentence, of what the status tells anew."""
        return []

    def parting_references(self, root: R) -> list[Ref]:  # noqa: ARG002
        """Return the objects of others that ``parting`` reads by name."""
        return []

    def parting(self, root: R, view: View) -> list[Manifest]:  # noqa: ARG002
        """Return objects whose work ends before a root that is deleted goes; none once it ended."""
        return []

    def final_patches(self, root: R, view: View) -> list[Patch]:  # noqa: ARG002
        """Return changes to what stays, or is to go with its data, when the root is deleted."""
        return []

    def leftovers(self, root: R, view: View) -> list[Ref]:  # noqa: ARG002
        """Return what is to be deleted when the root is, beside what it owns.

        Whatever holds data is left alone where the root retains it.
        """
        return []
