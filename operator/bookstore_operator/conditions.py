"""Turn the verdicts of the parts into the conditions of a store."""

from collections.abc import Mapping
from datetime import datetime

from bookstore_operator.api.status import Condition, ConditionType, Reason
from bookstore_operator.kinds import Manifest
from bookstore_operator.store import Store
from bookstore_operator.verdict import State, Verdict

Verdicts = Mapping[ConditionType, Verdict]

_STATUS = {State.READY: "True", State.WAITING: "False", State.FAILED: "False"}


def conditions(store: Store, verdicts: Verdicts, now: datetime) -> list[Condition]:
    """Return all conditions of a store: three on the whole, then one for each part.

    ``lastTransitionTime`` changes only with the status. A part that could not be judged, since
    the API server failed, keeps its condition, and Ready is not flipped by it.
    """
    parts = [_part(store, kind, verdict, now) for kind, verdict in verdicts.items()]
    return [
        _ready(store, verdicts, now),
        _progressing(store, verdicts, now),
        _degraded(store, verdicts, now),
        *parts,
    ]


def paused(store: Store, now: datetime) -> list[Condition]:
    """Return the conditions of a paused store: as they were told last, and why nothing moves."""
    message = "spec.state is Paused; set it to Running to go on."
    before = store.condition(ConditionType.READY)
    status = before.status if before else "Unknown"
    told = [
        _told(store, ConditionType.READY, status, Reason.PAUSED, message, now),
        _told(store, ConditionType.PROGRESSING, "False", Reason.PAUSED, message, now),
    ]
    kept = [c for c in store.status.conditions if c.type not in {t.type for t in told}]
    return [*told, *(c.model_copy(update={"observed_generation": store.generation}) for c in kept)]


def refused(
    before: list[Manifest], reason: Reason, message: str, generation: int, now: datetime
) -> list[Manifest]:
    """Return the conditions of a store whose spec cannot be understood.

    Args:
        before: The conditions told so far, as the API holds them.
        reason: Why the spec is refused.
        message: The sentence with the fix.
        generation: The generation of the spec.
        now: The time.

    The conditions of the parts stay as they were: what runs was not touched.
    """
    known = {condition["type"]: condition for condition in before}
    told = [
        {
            "type": kind.value,
            "status": status,
            "reason": reason.value,
            "message": message,
            "observedGeneration": generation,
            "lastTransitionTime": _since(known.get(kind.value), status, now),
        }
        for kind, status in ((ConditionType.READY, "False"), (ConditionType.DEGRADED, "True"))
    ]
    replaced = {condition["type"] for condition in told}
    return [*told, *(c for c in before if c["type"] not in replaced)]


def _since(before: Manifest | None, status: str, now: datetime) -> str:
    if before and before.get("status") == status:
        return str(before["lastTransitionTime"])
    return timestamp(now)


def timestamp(moment: datetime) -> str:
    """Return a moment in UTC as the API writes it, to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def blocking(verdicts: Verdicts) -> Verdict | None:
    """Return the verdict that says best why a store is not ready: a failure before a wait."""
    for state in (State.FAILED, State.UNKNOWN, State.WAITING):
        for verdict in verdicts.values():
            if verdict.state is state:
                return verdict
    return None


def _ready(store: Store, verdicts: Verdicts, now: datetime) -> Condition:
    kind, blocked = ConditionType.READY, blocking(verdicts)
    if blocked is None:
        message = "The shop serves as the spec wants it."
        return _told(store, kind, "True", Reason.RECONCILED, message, now)
    before = store.condition(kind)
    if blocked.state is State.UNKNOWN and before:
        return before
    return _told(store, kind, "False", blocked.reason, blocked.message, now)


def _progressing(store: Store, verdicts: Verdicts, now: datetime) -> Condition:
    kind = ConditionType.PROGRESSING
    for verdict in verdicts.values():
        if verdict.state is State.WAITING and not verdict.reason.startswith("WaitingFor"):
            return _told(store, kind, "True", verdict.reason, verdict.message, now)
    blocked = blocking(verdicts)
    if blocked is None:
        return _told(store, kind, "False", Reason.RECONCILED, "Nothing is left to do.", now)
    return _told(store, kind, "False", blocked.reason, blocked.message, now)


def _degraded(store: Store, verdicts: Verdicts, now: datetime) -> Condition:
    kind, blocked = ConditionType.DEGRADED, blocking(verdicts)
    if blocked and blocked.state in {State.FAILED, State.UNKNOWN}:
        return _told(store, kind, "True", blocked.reason, blocked.message, now)
    return _told(store, kind, "False", Reason.RECONCILED, "Nothing stands in the way.", now)


def _part(store: Store, kind: ConditionType, verdict: Verdict, now: datetime) -> Condition:
    before = store.condition(kind)
    if verdict.state is State.UNKNOWN and before:
        return before
    status = _STATUS.get(verdict.state, "Unknown")
    return _told(store, kind, status, verdict.reason, verdict.message, now)


def _told(
    store: Store, kind: ConditionType, status: str, reason: Reason, message: str, now: datetime
) -> Condition:
    before = store.condition(kind)
    since = before.last_transition_time if before and before.status == status else None
    return Condition.model_validate(
        {
            "type": kind.value,
            "status": status,
            "reason": reason.value,
            "message": message,
            "observedGeneration": store.generation,
            "lastTransitionTime": since or timestamp(now),
        }
    )
