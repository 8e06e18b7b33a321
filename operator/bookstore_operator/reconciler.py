"""Bring one store to what its spec wants: the only place that knows the order of the parts."""

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bookstore_operator import metrics
from bookstore_operator.api.spec import StoreState
from bookstore_operator.api.status import BookStoreStatus, Condition, ConditionType, Reason
from bookstore_operator.components.base import Component
from bookstore_operator.components.credentials import Credentials
from bookstore_operator.components.database import database
from bookstore_operator.components.exposure import Exposure
from bookstore_operator.components.migration import Migration, current, revision
from bookstore_operator.components.storage import Storage
from bookstore_operator.components.web import Web
from bookstore_operator.conditions import Verdicts, conditions, paused, refused
from bookstore_operator.errors import (
    AbsentError,
    InvalidStoreError,
    OperatorError,
    PendingError,
    TransientApiError,
)
from bookstore_operator.kinds import BOOKSTORE, Ref
from bookstore_operator.kube.client import Kube
from bookstore_operator.kube.events import Herald
from bookstore_operator.memory import Memories, StoreMemory
from bookstore_operator.session import Note, Session
from bookstore_operator.status import changes, status
from bookstore_operator.store import Store, StoreKey
from bookstore_operator.verdict import State, Verdict, failed, unknown, waiting

FIRST_RETRY, LONGEST_RETRY = 2.0, 30.0
"""Seconds until a store that is not ready is looked at again, doubled while nothing changes."""

_log = logging.getLogger(__name__)
_CREDENTIALS, _STORAGE, _MIGRATION, _WEB = Credentials(), Storage(), Migration(), Web()
_EXPOSURE = Exposure()


@dataclass(frozen=True)
class Outcome:
    """Tell how a pass ended.

    Attributes:
        result: ``ready``, ``waiting``, ``failed``, ``unknown``, ``paused`` or ``gone``.
        again: Seconds after which to look again; None where only an event can bring news.
    """

    result: str
    again: float | None = None


def order(store: Store) -> tuple[Component, ...]:
    """Return the parts of a store in the order in which they are brought about."""
    return (_CREDENTIALS, _STORAGE, database(store), _MIGRATION, _WEB, _EXPOSURE)


class Reconciler:
    """Run passes over stores; a pass over a settled store writes nothing."""

    def __init__(
        self, kube: Kube, herald: Herald, memories: Memories, census: metrics.Census
    ) -> None:
        self._kube = kube
        self._herald = herald
        self._memories = memories
        self._census = census

    async def reconcile(self, key: StoreKey) -> Outcome:
        """Run one pass, and count it.

        Raises:
            ApiError: The store itself could not be read, or its status not be written.
        """
        begun = time.monotonic()
        outcome = Outcome("error")
        try:
            outcome = await self._reconcile(key)
        finally:
            metrics.RECONCILES.labels(outcome.result).inc()
            metrics.DURATION.observe(time.monotonic() - begun)
        return outcome

    async def _reconcile(self, key: StoreKey) -> Outcome:
        ref = Ref(BOOKSTORE, *key)
        body = await self._kube.get(ref)
        memory = self._memories.of(key)
        memory.sightings.saw(ref, body)
        if body is None:
            return Outcome("gone")
        memory.become(body["metadata"]["uid"])
        try:
            store = Store.parse(body)
        except InvalidStoreError as error:
            return await self._refuse(ref, body, error)
        if store.deleting or not store.finalized:
            # Without the finalizer a volume that we make could outlive its store unnoticed.
            return Outcome("gone" if store.deleting else "waiting")
        if store.spec.state is StoreState.PAUSED:
            return await self._pause(ref, store, memory)
        session = Session(self._kube, store, memory)
        verdicts = await self._run(session)
        told = conditions(store, verdicts, session.seen.now)
        found = status(store, session.seen, told, self._revision(session))
        await self._tell(ref, store, memory, found, session.notes)
        return _outcome(memory, verdicts, told)

    async def _run(self, session: Session) -> Verdicts:
        parts = order(session.store)
        await session.observe(parts)
        verdicts: dict[ConditionType, Verdict] = {}
        for part in parts:
            verdicts[part.condition] = await self._advance(session, part, verdicts)
        if verdicts[_WEB.condition].ready:
            for part in parts:
                await self._prune(session, part)
        return verdicts

    async def _advance(self, session: Session, part: Component, verdicts: Verdicts) -> Verdict:
        """Bring one part forward, and judge it."""
        store, seen = session.store, session.seen
        try:
            if part in session.faults:
                raise session.faults[part]
            held_by = _held_by(part, store, session, verdicts)
            if held_by is None:
                await session.make(part)
            elif not part.begun(store, seen):
                return waiting(held_by, f"This part begins after {_condition_of(held_by, store)}.")
            await session.inquire(part)
            return part.judge(store, seen)
        except PendingError as error:
            return waiting(error.reason, f"{error}.", again=1.0)
        except AbsentError as error:
            return waiting(Reason.PROGRESSING, f"{error}.", again=0.2)
        except TransientApiError as error:
            return _counted(unknown(error.reason, str(error)))
        except OperatorError as error:
            return _counted(failed(error.reason, str(error)))

    async def _prune(self, session: Session, part: Component) -> None:
        for ref in part.obsolete(session.store, session.seen):
            try:
                await session.remove(ref)
            except OperatorError as error:
                _log.warning("store %s: %s is pruned later: %s", session.store.key, ref, error)

    def _revision(self, session: Session) -> str | None:
        found = revision(session.store, session.seen)
        if found:
            session.memory.revisions = dict([found])
        job = session.seen.get(current(session.store, session.seen)) or {}
        uid = job.get("metadata", {}).get("uid", "")
        before = session.store.status.database
        return session.memory.revisions.get(uid) or (before.schema_revision if before else None)

    async def _pause(self, ref: Ref, store: Store, memory: StoreMemory) -> Outcome:
        told = paused(store, datetime.now(UTC))
        update = {"conditions": told, "observed_generation": store.generation}
        await self._tell(ref, store, memory, store.status.model_copy(update=update), [])
        return Outcome("paused")

    async def _refuse(self, ref: Ref, body: dict[str, Any], error: InvalidStoreError) -> Outcome:
        """Tell that a spec cannot be understood, without a typed store to tell it by."""
        _log.error("%s", error)
        before = (body.get("status") or {}).get("conditions", [])
        generation = body["metadata"]["generation"]
        told = refused(before, error.reason, str(error), generation, datetime.now(UTC))
        if told != before:
            await self._kube.merge(ref, {"status": {"conditions": told}}, "status")
        return Outcome("failed")

    async def _tell(
        self,
        ref: Ref,
        store: Store,
        memory: StoreMemory,
        found: BookStoreStatus,
        notes: list[Note],
    ) -> None:
        """Write the status where it changed, then the Events of what changed."""
        patch = changes(store.status, found)
        if patch:
            memory.sightings.saw(ref, await self._kube.merge(ref, {"status": patch}, "status"))
        self._census.tell(store.key, found.conditions)
        for note in (*notes, *_transitions(store, found.conditions)):
            _log.info("store %s: %s", store.key, note.text, extra={"reason": note.reason})
            await self._herald.tell(store, note.kind, note.reason, note.action, note.text)


def _held_by(part: Component, store: Store, session: Session, verdicts: Verdicts) -> Reason | None:
    """Return the reason that names the part which holds this one back, or None."""
    begun = part.begun(store, session.seen)
    for other in order(store):
        needed = other.condition in part.requires or (
            other.condition in part.begins_after and not begun
        )
        if needed and verdicts[other.condition].holds:
            return other.awaited
    return None


def _condition_of(awaited: Reason, store: Store) -> str:
    return next(part.condition.value for part in order(store) if part.awaited == awaited)


def _transitions(store: Store, told: list[Condition]) -> list[Note]:
    """Return the Events of what became different: a new reason for trouble, and its end."""
    notes = []
    for condition in told:
        before = store.condition(condition.type)
        if condition.type == ConditionType.DEGRADED and condition.status == "True":
            same = before and (before.reason, before.message) == (
                condition.reason,
                condition.message,
            )
            if not same:
                notes.append(Note("Warning", condition.reason, "Reconcile", condition.message))
        was = before.status if before else "False"
        if condition.type == ConditionType.READY and condition.status == "True" != was:
            notes.append(Note("Normal", condition.reason, "Reconcile", condition.message))
    return notes


def _outcome(memory: StoreMemory, verdicts: Verdicts, told: list[Condition]) -> Outcome:
    memory.unchanged = memory.unchanged + 1 if told == memory.told else 0
    memory.told = told
    states = {verdict.state for verdict in verdicts.values()}
    if states == {State.READY}:
        return Outcome("ready")
    pause = min(FIRST_RETRY * 2 ** min(memory.unchanged, 10), LONGEST_RETRY)
    known = [verdict.again for verdict in verdicts.values() if verdict.again is not None]
    worst = next(s for s in (State.UNKNOWN, State.FAILED, State.WAITING) if s in states)
    return Outcome(worst.name.lower(), min([pause, *known]))


def _counted(verdict: Verdict) -> Verdict:
    metrics.ERRORS.labels(verdict.reason.value).inc()
    return verdict
