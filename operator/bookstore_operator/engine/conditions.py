"""Turn the verdicts of components into the conditions of a root."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from bookstore_operator.api.conditions import (
    AVAILABLE,
    DEGRADED,
    PAUSED,
    PROGRESSING,
    READY,
    RECONCILED,
    TERMINATING,
    Condition,
    ConditionType,
    Reason,
)
from bookstore_operator.engine.root import Root
from bookstore_operator.engine.verdict import State, Verdict

Verdicts = Mapping[ConditionType, Verdict]

_STATUS = {State.READY: "True", State.WAITING: "False", State.FAILED: "False"}
WAITS = "WaitingFor"
"""What the reasons of components begin with that only wait for another."""


def conditions(
    root: Root, verdicts: Verdicts, available: Verdict | None, now: datetime
) -> list[Condition]:
    """Return all conditions of a root: those on the whole, then one for each component.

    ``lastTransitionTime`` changes only with the status. A component that could not be judged,
    since the API server failed, keeps its condition, and Ready is not flipped by it.
    """
    parts = [_part(root, kind, verdict, now) for kind, verdict in verdicts.items()]
    serves = [_part(root, AVAILABLE, available, now)] if available else []
    return [
        _ready(root, verdicts, available, now),
        *serves,
        _progressing(root, verdicts, now),
        _degraded(root, verdicts, now),
        *parts,
    ]


def paused(root: Root, now: datetime) -> list[Condition]:
    """Return the conditions of a paused root: as they were, and why nothing moves."""
    message = "spec.state is Paused; set it to Running to go on."
    before = root.condition(READY)
    status = before.status if before else "Unknown"
    return _over(
        root,
        condition(root, READY, status, PAUSED, message, now),
        condition(root, PROGRESSING, "False", PAUSED, message, now),
    )


def refused(root: Root, reason: Reason, message: str, now: datetime) -> list[Condition]:
    """Return the conditions of a root whose spec cannot be understood.

    Those of the components stay as they were: what runs was not touched.
    """
    return _over(
        root,
        condition(root, READY, "False", reason, message, now),
        condition(root, DEGRADED, "True", reason, message, now),
    )


def terminating(
    root: Root, message: str, now: datetime, obstacle: Reason | None = None
) -> list[Condition]:
    """Return the conditions of a root that is being deleted, with what it waits for.

    Args:
        root: The root.
        message: What it waits for.
        now: The time.
        obstacle: The reason why it does not go by itself, or None where it does.
    """
    moves, stuck = ("False", "True") if obstacle else ("True", "False")
    return _over(
        root,
        condition(root, READY, "False", TERMINATING, message, now),
        condition(root, PROGRESSING, moves, TERMINATING, message, now),
        condition(root, DEGRADED, stuck, obstacle or TERMINATING, message, now),
    )


def blocking(verdicts: Verdicts) -> Verdict | None:
    """Return the verdict that tells best why a root is not ready, or None where it is."""
    return _first([verdict for verdict in verdicts.values() if not verdict.aside])


def _first(verdicts: Sequence[Verdict]) -> Verdict | None:
    for state in (State.FAILED, State.UNKNOWN, State.WAITING):
        for verdict in verdicts:
            if verdict.state is state:
                return verdict
    return None


def condition(
    root: Root, kind: ConditionType, status: str, reason: Reason, message: str, now: datetime
) -> Condition:
    """Return a condition, with the time of before where its status is that of before."""
    before = root.condition(kind)
    since = before.last_transition_time if before and before.status == status else None
    return Condition.model_validate(
        {
            "type": str(kind),
            "status": status,
            "reason": str(reason),
            "message": message,
            "observedGeneration": root.generation,
            "lastTransitionTime": since or timestamp(now),
        }
    )


def timestamp(now: datetime) -> str:
    """Return a time as the API writes it."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _over(root: Root, *new: Condition) -> list[Condition]:
    """Return new conditions, and those of before that they do not replace."""
    replaced = {condition.type for condition in new}
    return [*new, *(kept for kept in root.conditions if kept.type not in replaced)]


def _ready(root: Root, verdicts: Verdicts, available: Verdict | None, now: datetime) -> Condition:
    blocked = blocking(verdicts)
    if blocked is None:
        serves = "The shop serves as the spec wants it."
        message = serves if available else "What the spec wants is done."
        return condition(root, READY, "True", RECONCILED, message, now)
    before = root.condition(READY)
    if blocked.state is State.UNKNOWN and before:
        return before
    return condition(root, READY, "False", blocked.reason, blocked.message, now)


def _progressing(root: Root, verdicts: Verdicts, now: datetime) -> Condition:
    for verdict in verdicts.values():
        if verdict.aside:
            continue
        if verdict.state is State.WAITING and not verdict.reason.startswith(WAITS):
            return condition(root, PROGRESSING, "True", verdict.reason, verdict.message, now)
    blocked = blocking(verdicts)
    if blocked is None:
        return condition(root, PROGRESSING, "False", RECONCILED, "Nothing is left to do.", now)
    return condition(root, PROGRESSING, "False", blocked.reason, blocked.message, now)


def _degraded(root: Root, verdicts: Verdicts, now: datetime) -> Condition:
    # What keeps the root from being ready goes first, then what failed beside the point of that.
    for found in (blocking(verdicts), _first(list(verdicts.values()))):
        if found and found.state in {State.FAILED, State.UNKNOWN}:
            return condition(root, DEGRADED, "True", found.reason, found.message, now)
    return condition(root, DEGRADED, "False", RECONCILED, "Nothing stands in the way.", now)


def _part(root: Root, kind: ConditionType, verdict: Verdict, now: datetime) -> Condition:
    before = root.condition(kind)
    if verdict.state is State.UNKNOWN and before:
        return before
    status = _STATUS.get(verdict.state, "Unknown")
    return condition(root, kind, status, verdict.reason, verdict.message, now)
