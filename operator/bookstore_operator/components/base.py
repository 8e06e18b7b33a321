"""The one shape of a component."""

from abc import ABC, abstractmethod
from typing import ClassVar

from bookstore_operator.api.status import ConditionType, Reason
from bookstore_operator.kinds import Manifest, Ref
from bookstore_operator.observed import Observed, Query
from bookstore_operator.store import Store
from bookstore_operator.verdict import Verdict


class Component(ABC):
    """Be one part of a store; every method is pure.

    Attributes:
        condition: The condition that tells the part's verdict.
        awaited: The reason of a part that begins after this one.
        requires: Parts without which nothing can be wanted of this one.
        begins_after: Parts that hold this one back until it has begun.
    """

    condition: ClassVar[ConditionType]
    awaited: ClassVar[Reason]
    requires: ClassVar[tuple[ConditionType, ...]] = ()
    begins_after: ClassVar[tuple[ConditionType, ...]] = ()

    @abstractmethod
    def observes(self, store: Store) -> list[Ref]:
        """Return the objects that the part reads, its own and others'."""

    def surveys(self, store: Store) -> list[Query]:  # noqa: ARG002
        """Return the lists that the part reads before it says what it wants."""
        return []

    def begun(self, store: Store, seen: Observed) -> bool:  # noqa: ARG002
        """Return whether the part was made before, so that it is kept true though others wait."""
        return True

    def mends(self, store: Store, seen: Observed) -> list[tuple[Ref, Manifest]]:  # noqa: ARG002
        """Return merge patches for what an apply cannot mend, in the order in which they go."""
        return []

    @abstractmethod
    def desired(self, store: Store, seen: Observed) -> list[Manifest]:
        """Return the objects that the part wants, in the order in which they are applied."""

    def replaced(self, store: Store, seen: Observed) -> list[Ref]:  # noqa: ARG002
        """Return objects that are deleted before the wanted ones of their names are applied."""
        return []

    def inquires(self, store: Store, seen: Observed) -> list[Query]:  # noqa: ARG002
        """Return the lists that the part needs to explain why it is not ready."""
        return []

    @abstractmethod
    def judge(self, store: Store, seen: Observed) -> Verdict:
        """Judge what is there after the wanted objects were applied."""

    def obsolete(self, store: Store, seen: Observed) -> list[Ref]:  # noqa: ARG002
        """Return objects of ours that are no longer wanted."""
        return []
