"""One run over the components of a root: observe, make, judge, in their order."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bookstore_operator import metrics
from bookstore_operator.api.conditions import FORBIDDEN, WORKING, ConditionType
from bookstore_operator.engine.children import Children
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.errors import KindMissingError, PendingError
from bookstore_operator.engine.memory import Note
from bookstore_operator.engine.references import References
from bookstore_operator.engine.root import Root
from bookstore_operator.engine.verdict import Verdict, aside, failed, unknown, waiting
from bookstore_operator.engine.view import View
from bookstore_operator.kube.client import Kube
from bookstore_operator.kube.errors import (
    AbsentError,
    ForbiddenError,
    OperatorError,
    TransientApiError,
)
from bookstore_operator.kube.objects import Ref


@dataclass
class Run:
    """Bring the components of a root forward.

    Attributes:
        root: The root.
        view: What is known of it.
        components: The components that the root has, in their order.
        former: The components that it does not have, or no longer.
        children: Makes the children.
        kube: Lists what components ask for.
        references: The objects of others.
        verdicts: The judgements so far, by condition.
        kept: The children that are to stay; None once that is not known of some component.
    """

    root: Root
    view: View
    components: Sequence[Component[Any]]
    former: Sequence[Component[Any]]
    children: Children
    kube: Kube
    references: References
    verdicts: dict[ConditionType, Verdict] = field(default_factory=dict)
    kept: set[Ref] | None = field(default_factory=set)

    async def advance(self) -> None:
        """Bring every component forward, and judge it; one's failure is no other's."""
        faults = await self._observe()
        for component in self.components:
            verdict, made = await self._advance(component, faults.get(component))
            self.verdicts[component.condition] = verdict
            self.kept = None if self.kept is None or made is None else self.kept | made
            self.view.give(*component.outputs(self.root, self.view))
        if self.kept is not None:
            for component in self.components:
                self.kept |= component.retained(self.root, self.view)

    def announcements(self) -> list[Note]:
        """Return the Events of what components tell anew."""
        return [
            Note("Normal", reason, "Reconcile", text)
            for one in self.components
            for reason, text in one.announcements(self.root, self.view)
        ]

    def blame(self, ref: Ref, error: OperatorError) -> None:
        """Tell by a component's condition why a child that nobody wants any more is still there.

        It is the component that the child was one of; where that is no longer a part of the root,
        its condition shows until the child is gone. Ready does not wait for it.
        """
        parts = [one for one in (*self.components, *self.former) if ref.kind in one.kinds]
        for component in parts:
            verdict = self.verdicts.get(component.condition)
            if verdict is None or verdict.ready:
                self.verdicts[component.condition] = aside(
                    _counted(failed(error.reason, str(error)))
                )
                return

    async def _observe(self) -> dict[Component[Any], OperatorError]:
        """Read the objects of others that components name, and return what could not be read."""
        wanted = {one: one.references(self.root, self.view) for one in self.components}
        named = frozenset(ref for refs in wanted.values() for ref in refs)
        self.references.refer(self.root.ref, named)
        faults: dict[Component[Any], OperatorError] = {}
        for component, refs in wanted.items():
            try:
                for ref in refs:
                    if isinstance(problem := self.view.kinds.get(ref.kind), ForbiddenError):
                        raise problem
                    if self.view.get(ref) is None:
                        self.view.objects[ref] = await self.references.get(ref)
            except OperatorError as error:
                faults[component] = error
        return faults

    async def _advance(
        self, component: Component[Any], fault: OperatorError | None
    ) -> tuple[Verdict, set[Ref] | None]:
        """Return the verdict of a component, and the children that it made, where it could."""
        made = None
        try:
            if fault is not None:
                raise fault
            if missing := self._missing(component):
                return missing, None
            holder = self._holder(component)
            if holder is None:
                made = await self.children.make(component)
            elif not component.begun(self.root, self.view):
                text = f"This part begins after {holder.condition}."
                return waiting(holder.awaited, text), None
            await self._list(component)
            return component.judge(self.root, self.view), made
        except PendingError as error:
            return waiting(error.reason, f"{error}.", again=1.0), None
        except AbsentError as error:
            return waiting(WORKING, f"{error}.", again=0.5), None
        except TransientApiError as error:
            return _counted(unknown(error.reason, str(error))), None
        except OperatorError as error:
            return _counted(component.refused(self.root, self.view, error)), None

    async def _list(self, component: Component[Any]) -> None:
        for query in component.queries(self.root, self.view):
            if self.view.found(query) is None:
                self.view.lists[query] = await self.kube.select(
                    query.kind, self.root.namespace, query.selector, query.field_selector
                )

    def _missing(self, component: Component[Any]) -> Verdict | None:
        """Return the verdict of a component whose kinds cannot be followed, or None.

        A third party's kind counts where an object of it is wanted, when that is about to be made.
        """
        for kind in component.kinds:
            problem = None if kind.provider else self.view.kinds.get(kind)
            if isinstance(problem, ForbiddenError):
                return _counted(failed(FORBIDDEN, str(problem)))
            if isinstance(problem, AbsentError):
                self.view.miss(kind)
                missing = KindMissingError.of(kind)
                return _counted(failed(missing.reason, str(missing)))
        return None

    def _holder(self, component: Component[Any]) -> Component[Any] | None:
        """Return the component that holds this one back, or None."""
        begun = component.begun(self.root, self.view)
        for other in self.components:
            needed = other.condition in component.requires or (
                other.condition in component.begins_after and not begun
            )
            verdict = self.verdicts.get(other.condition)
            if needed and verdict is not None and verdict.holds:
                return other
        return None


def _counted(verdict: Verdict) -> Verdict:
    metrics.ERRORS.labels(str(verdict.reason)).inc()
    return verdict
