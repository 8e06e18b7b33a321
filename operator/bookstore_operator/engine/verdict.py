"""How a component judges what is there."""

from dataclasses import dataclass, replace
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
        aside: Whether it is beside the point of Ready: it shows in its own condition alone, and in
            Degraded where something failed.
        final: Whether nothing is left to do though it failed, as what is done once.
    """

    state: State
    reason: Reason
    message: str
    holds: bool
    again: float | None = None
    aside: bool = False
    final: bool = False

    @property
    def ready(self) -> bool:
        """Return whether the component is as it should be."""
        return self.state is State.READY

    @property
    def settled(self) -> bool:
        """Return whether only an event brings news here."""
        return self.ready or self.aside or self.final


def ready(message: str) -> Verdict:
    """Return a verdict that all is well."""
    return Verdict(State.READY, RECONCILED, message, holds=False)


def asleep(message: str) -> Verdict:
    """Return a verdict that all is as it is wanted, and that nothing can begin after it."""
    return Verdict(State.READY, RECONCILED, message, holds=True)


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


def final(verdict: Verdict) -> Verdict:
    """Return a verdict after which nothing is tried again."""
    return replace(verdict, final=True)


def aside(verdict: Verdict) -> Verdict:
    """Return a verdict on what neither Ready nor another component waits for."""
    return replace(verdict, holds=False, aside=True)


def unknown(reason: Reason, message: str) -> Verdict:
    """Return a verdict that the component could not be judged."""
    return Verdict(State.UNKNOWN, reason, message, holds=True)
