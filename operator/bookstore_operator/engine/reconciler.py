"""Bring one root to what its spec wants, in one pass; the order of components is the resource's."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from bookstore_operator import metrics
from bookstore_operator.api.conditions import (
    UNKNOWN_FIELD,
    Condition,
    ConditionType,
)
from bookstore_operator.engine.children import Children
from bookstore_operator.engine.conditions import conditions, paused, refused, terminating
from bookstore_operator.engine.errors import InvalidResourceError
from bookstore_operator.engine.facts import Facts
from bookstore_operator.engine.finalizer import Finalizer
from bookstore_operator.engine.memory import Memory, Note
from bookstore_operator.engine.recorder import EventRecorder
from bookstore_operator.engine.references import References
from bookstore_operator.engine.resource import Resource
from bookstore_operator.engine.root import Root
from bookstore_operator.engine.run import Run
from bookstore_operator.engine.status import StatusWriter, merge_fields, quiet_for, transitions
from bookstore_operator.engine.verdict import State, Verdict
from bookstore_operator.engine.view import View
from bookstore_operator.kube.cache import Cache
from bookstore_operator.kube.client import Kube
from bookstore_operator.kube.errors import (
    ForbiddenError,
    OperatorError,
    RefusedError,
    TransientApiError,
)
from bookstore_operator.kube.objects import Kind, Manifest, Ref

FIRST_RETRY, LONGEST_RETRY = 2.0, 30.0
"""Seconds until a root that is not ready is looked at again, doubled while nothing changes."""

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
        miss: Called with a kind that is wanted and that the cluster does not serve.
    """

    resource: Resource
    kube: Kube
    cache: Cache
    references: References
    facts: Facts
    recorder: EventRecorder
    problems: dict[Kind, OperatorError]
    miss: Callable[[Kind], None]

    def __post_init__(self) -> None:
        """Begin without memory."""
        self._memories: dict[Ref, Memory] = {}
        self._status = StatusWriter(self.kube, self.cache, counted=self.resource.counted)
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
            if self.resource.counted and outcome.result not in {"gone", "unknown"}:
                metrics.ROOTS.passed((key.namespace, key.name))
        finally:
            metrics.RECONCILES.labels(outcome.result).inc()
            metrics.DURATION.observe(time.monotonic() - begun)
        return outcome

    def forget(self, key: Ref) -> None:
        """Forget a root that is gone."""
        self._memories.pop(key, None)
        self._status.forget(key)
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
            try:
                await self._finalizer.add(root, body)
            except ForbiddenError as error:
                current = refused(root, error.reason, str(error), datetime.now(UTC))
                await self._tell(root, body, current)
                return Outcome("failed", LONGEST_RETRY)
        if root.paused:
            current = paused(root, datetime.now(UTC))
            await self._status.write(root, body, current)
            return Outcome("paused")
        return await self._run(root, body, memory)

    async def _run(self, root: Root, body: Manifest, memory: Memory) -> Outcome:
        view = self._view(root, memory)
        components = [one for one in self.resource.components if one.active(root)]
        former = [one for one in self.resource.components if not one.active(root)]
        children = Children(self.kube, self.cache, root, view, memory)
        run = Run(root, view, components, former, children, self.kube, self.references)
        await run.advance()
        await self._prune(run)
        questions = [question for one in components for question in one.questions(root, view)]
        self.facts.ask(root.ref, frozenset(questions))
        return await self._report(run, body, memory)

    async def _prune(self, run: Run) -> None:
        if run.kept is None:
            return
        for ref, error in (await run.children.prune(run.kept)).items():
            _log.warning("%s: what is no longer wanted is pruned later: %s", run.root.ref, error)
            if not isinstance(error, TransientApiError):
                run.blame(ref, error)

    async def _report(self, run: Run, body: Manifest, memory: Memory) -> Outcome:
        """Write the status where it changed, then the Events; return what comes next."""
        root, view = run.root, run.view
        serves = [one.available(root, view) for one in run.components]
        available = next((verdict for verdict in serves if verdict is not None), None)
        current = conditions(root, run.verdicts, available, view.now)
        fields: Manifest = {}
        for component in run.components:
            merge_fields(fields, component.status(root, view))
        again = _again(memory, run, current)
        quiet = quiet_for(root, memory, run.verdicts)
        if quiet > 0:
            again = min(quiet, again) if again is not None else quiet
        else:
            await self._status.write(root, body, current, fields)
        notes = [*run.children.notes, *self._unknown(root, body, memory)]
        if quiet <= 0:
            notes += [*transitions(root, current), *run.announcements()]
        for note in notes:
            _log.info("%s: %s", root.ref, note.text, extra={"reason": note.reason})
            await self.recorder.record(root, note.kind, note.reason, note.action, note.text)
        return Outcome(_result(run.verdicts), again)

    async def _terminate(self, root: Root, body: Manifest) -> Outcome:
        try:
            left = await self._finalizer.clean_up(root, self._view(root, self._memories[root.ref]))
            if not left:
                await self._finalizer.remove(root)
                self.forget(root.ref)
                return Outcome("gone")
        except (ForbiddenError, RefusedError) as error:
            text = f"The {root.ref.kind} is being deleted, and that is held up: {error}."
            current = terminating(root, text, datetime.now(UTC), error.reason)
            await self._tell(root, body, current)
            return Outcome("failed", LONGEST_RETRY)
        names = ", ".join(str(ref) for ref in left)
        text = f"The {root.ref.kind} is being deleted and waits for {names} to go."
        current = terminating(root, text, datetime.now(UTC))
        await self._status.write(root, body, current)
        _log.info("%s waits for %s to go", root.ref, names)
        return Outcome("terminating", again=2.0)

    async def _tell(self, root: Root, body: Manifest, current: list[Condition]) -> None:
        """Tell what holds up a root beside its components, by its conditions and an Event."""
        await self._status.write(root, body, current)
        for note in transitions(root, current):
            _log.warning("%s: %s", root.ref, note.text)
            await self.recorder.record(root, note.kind, note.reason, note.action, note.text)

    async def _refuse(self, body: Manifest, error: InvalidResourceError) -> Outcome:
        """Tell that a spec cannot be understood; where it is being deleted, let it go.

        What cannot be understood is not destroyed.
        """
        _log.error("%s", error)
        root = self.resource.identify(body)
        if root.deleting:
            await self._finalizer.remove(root)
            return Outcome("gone")
        current = refused(root, error.reason, str(error), datetime.now(UTC))
        await self._status.write(root, body, current)
        return Outcome("failed")

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
        return [Note("Warning", UNKNOWN_FIELD, "Parse", text)]

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
            miss=self.miss,
            lookup=partial(self._lookup, root),
            children=lambda: self.cache.owned(root.ref),
        )

    def _lookup(self, root: Root, ref: Ref) -> Manifest | None:
        entry = self.cache.entry(ref)
        live = entry.live() if entry is not None else None
        return live if live is None or not root.is_successor_of_owner(live) else None


def _again(memory: Memory, run: Run, current: list[Condition]) -> float | None:
    """Return after how many seconds to look again, or None where only events bring news."""
    digest = hash(tuple((one.type, one.status, one.reason, one.message) for one in current))
    memory.unchanged = memory.unchanged + 1 if digest == memory.digest else 0
    memory.digest = digest
    known = [verdict.again for verdict in run.verdicts.values() if verdict.again is not None]
    known += run.children.blocked.values()
    if all(verdict.settled for verdict in run.verdicts.values()):
        return min(known) if known else None
    return min([FIRST_RETRY * 2.0 ** min(memory.unchanged, 10), LONGEST_RETRY, *known])


def _result(verdicts: dict[ConditionType, Verdict]) -> str:
    states = {verdict.state for verdict in verdicts.values() if not verdict.aside}
    for state in (State.UNKNOWN, State.FAILED, State.WAITING):
        if state in states:
            return state.name.lower()
    return "ready"
