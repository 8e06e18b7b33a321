"""Bring one root to what its spec wants, in one pass; the order of components is the resource's."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bookstore_operator import metrics
from bookstore_operator.api.conditions import (
    DEGRADED,
    FORBIDDEN,
    KIND_MISSING,
    READY,
    WORKING,
    Condition,
    ConditionType,
)
from bookstore_operator.engine.children import Children, Memory, Note
from bookstore_operator.engine.component import Component
from bookstore_operator.engine.conditions import conditions, paused, refused, terminating
from bookstore_operator.engine.errors import InvalidResourceError, PendingError
from bookstore_operator.engine.facts import Facts
from bookstore_operator.engine.finalizer import Finalizer
from bookstore_operator.engine.recorder import EventRecorder
from bookstore_operator.engine.references import References
from bookstore_operator.engine.resource import Resource
from bookstore_operator.engine.root import Root
from bookstore_operator.engine.verdict import State, Verdict, failed, unknown, waiting
from bookstore_operator.engine.view import View
from bookstore_operator.kube.cache import Cache
from bookstore_operator.kube.client import Kube
from bookstore_operator.kube.errors import (
    AbsentError,
    ForbiddenError,
    OperatorError,
    TransientApiError,
)
from bookstore_operator.kube.objects import Kind, Manifest, Ref

FIRST_RETRY, LONGEST_RETRY = 2.0, 30.0
"""Seconds until a root that is not ready is looked at again, doubled while nothing changes."""

PROGRESS_INTERVAL = 1.0
"""Seconds between writes to the status that tell of nothing but progress: what is done within them
is told once. Trouble, and Ready that turns, are told at once."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How a pass ended.

    Attributes:
        result: ``ready``, ``waiting``, ``failed``, ``unknown``, ``paused``, ``terminating`` or
            ``gone``.
        again: Seconds after which to look again; None where only an event can bring news.
    """

    result: str
    again: float | None = None


@dataclass
class Reconciler:
    """Run passes over roots; a pass over a settled root writes nothing, and reads nothing.

    Attributes:
        resource: The kind of root.
        kube: The way to the API server.
        cache: The children as they are known.
        references: The objects of others as they are known.
        facts: The answers from outside.
        recorder: Writes Events.
        problems: What is wrong with kinds that cannot be followed at the moment.
    """

    resource: Resource
    kube: Kube
    cache: Cache
    references: References
    facts: Facts
    recorder: EventRecorder
    problems: dict[Kind, OperatorError]

    def __post_init__(self) -> None:
        """Begin without memory."""
        self._memories: dict[Ref, Memory] = {}
        self._gauge = metrics.RootGauge()
        self._finalizer = Finalizer(self.resource, self.kube, self.cache)

    async def reconcile(self, key: Ref, body: Manifest | None) -> Outcome:
        """Run one pass over a root as it is known, and count it.

        Raises:
            ApiError: The root itself could not be written.
        """
        begun = time.monotonic()
        outcome = Outcome("error")
        try:
            outcome = await self._reconcile(key, body)
        finally:
            metrics.RECONCILES.labels(outcome.result).inc()
            metrics.DURATION.observe(time.monotonic() - begun)
        return outcome

    def forget(self, key: Ref) -> None:
        """Forget a root that is gone."""
        self._memories.pop(key, None)
        self._gauge.tell(key, [])
        self.references.refer(key, frozenset())
        self.facts.ask(key, frozenset())
        self.cache.forget(key)

    async def _reconcile(self, key: Ref, body: Manifest | None) -> Outcome:
        if body is None:
            await self._finalizer.release_orphans(key)
            self.forget(key)
            return Outcome("gone")
        memory = self._memory(key, body)
        try:
            root = self.resource.parse(body)
        except InvalidResourceError as error:
            return await self._refuse(body, error)
        if root.deleting:
            return await self._terminate(root, body)
        if not root.finalized:
            await self._finalizer.add(root, body)
        if root.paused:
            told = paused(root, datetime.now(UTC))
            await self._write_status(root, body, told, {})
            return Outcome("paused")
        return await self._run(root, body, memory)

    async def _run(self, root: Root, body: Manifest, memory: Memory) -> Outcome:
        view = self._view(root, memory)
        components = [one for one in self.resource.components if one.active(root)]
        children = Children(self.kube, self.cache, root, view, memory)
        faults = await self._observe(root, view, components)
        verdicts, kept = await self._advance_all(root, view, components, children, faults)
        if kept is not None:
            await self._prune(root, children, kept)
        questions = [question for one in components for question in one.questions(root, view)]
        self.facts.ask(root.ref, frozenset(questions))
        return await self._tell(root, body, memory, view, components, verdicts, children)

    async def _observe(
        self, root: Root, view: View, components: Sequence[Component[Any]]
    ) -> dict[Component[Any], OperatorError]:
        """Read the objects of others that components name; one's failure is no other's."""
        wanted = {one: one.references(root, view) for one in components}
        self.references.refer(root.ref, frozenset(ref for refs in wanted.values() for ref in refs))
        faults: dict[Component[Any], OperatorError] = {}
        for component, refs in wanted.items():
            try:
                for ref in refs:
                    if view.get(ref) is None:
                        view.objects[ref] = await self.references.get(ref)
            except OperatorError as error:
                faults[component] = error
        return faults

    async def _advance_all(
        self,
        root: Root,
        view: View,
        components: Sequence[Component[Any]],
        children: Children,
        faults: dict[Component[Any], OperatorError],
    ) -> tuple[dict[ConditionType, Verdict], set[Ref] | None]:
        """Bring every component forward, and judge it.

        Returns:
            The verdicts, and the children that are to stay; None where that is not known of all.
        """
        verdicts: dict[ConditionType, Verdict] = {}
        kept: set[Ref] | None = set()
        for component in components:
            verdict, made = await self._advance(root, view, component, children, verdicts, faults)
            verdicts[component.condition] = verdict
            kept = None if kept is None or made is None else kept | made
            view.give(*component.outputs(root, view))
        if kept is not None:
            for component in components:
                kept |= component.retained(root, view)
        return verdicts, kept

    async def _advance(
        self,
        root: Root,
        view: View,
        component: Component[Any],
        children: Children,
        verdicts: dict[ConditionType, Verdict],
        faults: dict[Component[Any], OperatorError],
    ) -> tuple[Verdict, set[Ref] | None]:
        made = None
        try:
            if component in faults:
                raise faults[component]
            if missing := self._missing(component):
                return missing, None
            holder = self._held_by(root, view, component, verdicts)
            if holder is None:
                made = await children.make(component)
            elif not component.begun(root, view):
                text = f"This part begins after {holder.condition}."
                return waiting(holder.awaited, text), None
            await self._list(root, view, component)
            return component.judge(root, view), made
        except PendingError as error:
            return waiting(error.reason, f"{error}.", again=1.0), None
        except AbsentError as error:
            return waiting(WORKING, f"{error}.", again=0.5), None
        except TransientApiError as error:
            return _counted(unknown(error.reason, str(error))), None
        except OperatorError as error:
            return _counted(component.refused(root, view, error)), None

    async def _list(self, root: Root, view: View, component: Component[Any]) -> None:
        for query in component.queries(root, view):
            if view.found(query) is None:
                view.lists[query] = await self.kube.select(
                    query.kind, root.namespace, query.selector
                )

    def _missing(self, component: Component[Any]) -> Verdict | None:
        """Return the verdict of a component whose kinds cannot be followed, or None."""
        for kind in component.kinds:
            problem = self.problems.get(kind)
            if isinstance(problem, ForbiddenError):
                return _counted(failed(FORBIDDEN, str(problem)))
            if isinstance(problem, AbsentError):
                text = (
                    f"the cluster does not serve {kind.plural}.{kind.group or 'v1'}; install what "
                    "serves it, or take it out of the spec"
                )
                return _counted(failed(KIND_MISSING, text))
        return None

    def _held_by(
        self,
        root: Root,
        view: View,
        component: Component[Any],
        verdicts: dict[ConditionType, Verdict],
    ) -> Component[Any] | None:
        """Return the component that holds this one back, or None."""
        begun = component.begun(root, view)
        for other in self.resource.components:
            needed = other.condition in component.requires or (
                other.condition in component.begins_after and not begun
            )
            verdict = verdicts.get(other.condition)
            if needed and verdict is not None and verdict.holds:
                return other
        return None

    async def _prune(self, root: Root, children: Children, kept: set[Ref]) -> None:
        try:
            await children.prune(kept)
        except OperatorError as error:
            _log.warning("%s: what is no longer wanted is pruned later: %s", root.ref, error)

    async def _tell(
        self,
        root: Root,
        body: Manifest,
        memory: Memory,
        view: View,
        components: Sequence[Component[Any]],
        verdicts: dict[ConditionType, Verdict],
        children: Children,
    ) -> Outcome:
        """Write the status where it changed, then the Events; return what comes next."""
        serves = [one.available(root, view) for one in components]
        available = next((verdict for verdict in serves if verdict is not None), None)
        told = conditions(root, verdicts, available, view.now)
        fields: Manifest = {}
        for component in components:
            _merge(fields, component.status(root, view))
        again = _again(memory, verdicts, told, children)
        rest = _quiet_for(root, memory, verdicts)
        if rest > 0:
            again = min(rest, again) if again is not None else rest
        else:
            await self._write_status(root, body, told, fields)
        notes = [*children.notes, *_transitions(root, told), *self._unknown(root, body, memory)]
        for note in notes:
            if rest > 0 and note.kind == "Normal" and note.action == "Reconcile":
                continue
            _log.info("%s: %s", root.ref, note.text, extra={"reason": note.reason})
            await self.recorder.record(root, note.kind, note.reason, note.action, note.text)
        return Outcome(_result(verdicts), again)

    async def _terminate(self, root: Root, body: Manifest) -> Outcome:
        left = await self._finalizer.clean_up(root, self._view(root, self._memories[root.ref]))
        if not left:
            await self._finalizer.remove(root)
            self.forget(root.ref)
            return Outcome("gone")
        names = ", ".join(str(ref) for ref in left)
        text = f"The {root.ref.kind} is being deleted and waits for {names} to go."
        told = terminating(root, text, datetime.now(UTC))
        await self._write_status(root, body, told, {})
        _log.info("%s waits for %s to go", root.ref, names)
        return Outcome("terminating", again=2.0)

    async def _refuse(self, body: Manifest, error: InvalidResourceError) -> Outcome:
        """Tell that a spec cannot be understood; where it is being deleted, let it go.

        What cannot be understood is not destroyed.
        """
        _log.error("%s", error)
        root = self.resource.identify(body)
        if root.deleting:
            await self._finalizer.remove(root)
            return Outcome("gone")
        told = refused(root, error.reason, str(error), datetime.now(UTC))
        await self._write_status(root, body, told, {})
        return Outcome("failed")

    async def _write_status(
        self, root: Root, body: Manifest, told: list[Condition], fields: Manifest
    ) -> None:
        """Apply the status where it differs from what was written last.

        A server-side apply leaves the conditions and fields of other writers alone. Where only
        conditions are told, the fields of before are told again, since an apply drops what it
        does not repeat.
        """
        before = dict(body.get("status") or {})
        wanted = {**(fields or _without_conditions(before)), "observedGeneration": root.generation}
        wanted["conditions"] = [condition.manifest() for condition in told]
        self._gauge.tell(root.ref, told)
        if _is_written(wanted, before, root):
            return
        manifest = {
            "apiVersion": root.ref.kind.api_version,
            "kind": root.ref.kind.name,
            "metadata": {"name": root.name, "namespace": root.namespace},
            "status": wanted,
        }
        written = await self.kube.apply(root.ref.kind, manifest, "status")
        self.cache.keep(root.ref, written, written=True)

    def _unknown(self, root: Root, body: Manifest, memory: Memory) -> list[Note]:
        """Return the Event of fields that a newer CRD has and this operator passes over."""
        if memory.generation == root.generation:
            return []
        memory.generation = root.generation
        unknown = self.resource.unknown_fields(body)
        if not unknown:
            return []
        text = (
            f"This operator does not know {', '.join(unknown)} and passes over it; update the "
            "operator, or take it out of the spec."
        )
        return [Note("Warning", "UnknownField", "Parse", text)]

    def _memory(self, key: Ref, body: Manifest) -> Memory:
        uid = body["metadata"]["uid"]
        memory = self._memories.get(key)
        if memory is None or memory.uid != uid:
            memory = self._memories[key] = Memory(uid=uid)
        return memory

    def _view(self, root: Root, memory: Memory) -> View:
        return View(
            root=root,
            now=datetime.now(UTC),
            remembered=memory.secrets,
            facts=self.facts.answers,
            kinds=self.problems,
            lookup=self._lookup,
            children=lambda: self.cache.owned(root.ref),
        )

    def _lookup(self, ref: Ref) -> Manifest | None:
        entry = self.cache.entry(ref)
        return entry.live() if entry is not None else None


def _merge(fields: Manifest, more: Manifest) -> None:
    """Add a component's fields of the status to those of the others; lists are joined."""
    for name, value in more.items():
        known = fields.get(name)
        if isinstance(known, dict) and isinstance(value, dict):
            _merge(known, value)
        elif isinstance(known, list) and isinstance(value, list):
            known.extend(value)
        else:
            fields[name] = value


def _without_conditions(status: Manifest) -> Manifest:
    return {name: value for name, value in status.items() if name != "conditions"}


def _is_written(wanted: Manifest, before: Manifest, root: Root) -> bool:
    """Return whether a status is the one that was written last, other writers' parts aside."""
    if [c.manifest() for c in root.conditions] != wanted["conditions"]:
        return False
    return {k: v for k, v in wanted.items() if k != "conditions"} == _without_conditions(before)


def _transitions(root: Root, told: list[Condition]) -> list[Note]:
    """Return the Events of what became different: a new reason for trouble, and its end."""
    notes = []
    for condition in told:
        before = root.condition(condition.type)
        if condition.type == DEGRADED and condition.status == "True":
            same = before and (before.reason, before.message) == (
                condition.reason,
                condition.message,
            )
            if not same:
                notes.append(Note("Warning", condition.reason, "Reconcile", condition.message))
        was = before.status if before else "False"
        if condition.type == READY and condition.status == "True" != was:
            notes.append(Note("Normal", condition.reason, "Reconcile", condition.message))
    return notes


def _again(
    memory: Memory,
    verdicts: dict[ConditionType, Verdict],
    told: list[Condition],
    children: Children,
) -> float | None:
    """Return after how many seconds to look again, or None where only events bring news."""
    text = str(told)
    memory.unchanged = memory.unchanged + 1 if text == memory.told else 0
    memory.told = text
    known = [verdict.again for verdict in verdicts.values() if verdict.again is not None]
    known += children.blocked.values()
    if all(verdict.ready for verdict in verdicts.values()):
        return min(known) if known else None
    return min([FIRST_RETRY * 2.0 ** min(memory.unchanged, 10), LONGEST_RETRY, *known])


def _quiet_for(root: Root, memory: Memory, verdicts: dict[ConditionType, Verdict]) -> float:
    """Return the seconds for which progress is not told yet; 0 where there is more to tell."""
    before = root.condition(READY)
    states = {verdict.state for verdict in verdicts.values()}
    if states - {State.READY, State.WAITING} or State.WAITING not in states:
        return 0.0
    if before is not None and before.status == "True":
        return 0.0
    now = time.monotonic()
    if memory.quiet_until == 0.0:
        memory.quiet_until = now + PROGRESS_INTERVAL
    if now < memory.quiet_until:
        return memory.quiet_until - now
    memory.quiet_until = now + PROGRESS_INTERVAL
    return 0.0


def _result(verdicts: dict[ConditionType, Verdict]) -> str:
    states = {verdict.state for verdict in verdicts.values()}
    for state in (State.UNKNOWN, State.FAILED, State.WAITING):
        if state in states:
            return state.name.lower()
    return "ready"


def _counted(verdict: Verdict) -> Verdict:
    metrics.ERRORS.labels(str(verdict.reason)).inc()
    return verdict
