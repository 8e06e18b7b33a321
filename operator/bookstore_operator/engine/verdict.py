"""How a component judges what is there."""

from dataclasses import dataclass
from enum import Enum, auto

from bookstore_operator.api.conditions import RECONCILED, Reason


class State(Enum):
    """The four judgements."""

    READY = auto()
    WAITING = auto()
    FAILED = auto()
    UNKNOWN = auto()


@dataclass(frozen=True)
class Verdict:
    """The judgement of one component.

    Attributes:
        state: READY; WAITING for what passes by itself; FAILED for what needs a hand, or a cause
            outside to go; UNKNOWN where the API server failed, and the judgement of before stands.
        reason: The condition's reason.
        message: The condition's sentence, with the fix where there is one. It holds no times or
            counters that grow, so that the same judgement is the same text.
        holds: Whether components that begin after this one are held back.
        again: Seconds after which to look again, where that is known.
    """

    state: State
    reason: Reason
    message: str
    holds: bool
    again: float | None = None

    @property
    def ready(self) -> bool:
        """Return whether the component is as it should be."""
        return self.state is State.READY


def ready(message: str) -> Verdict:
    """Return a verdict that all is well."""
    return Verdict(State.READY, RECONCILED, message, holds=False)


def waiting(
    reason: Reason, message: str, *, holds: bool = True, again: float | None = None
) -> Verdict:
    """Return a verdict that work is under way."""
    return Verdict(State.WAITING, reason, message, holds, again)


def failed(
    reason: Reason, message: str, *, holds: bool = True, again: float | None = None
) -> Verdict:
    """Return a verdict that something stands in the way."""
    return Verdict(State.FAILED, reason, message, holds, again)


def unknown(reason: Reason, message: str) -> Verdict:
    """Return a verdict that the component could not be judged."""
    return Verdict(State.UNKNOWN, reason, message, holds=True)
