"""What is told of calls, for metrics."""

from enum import StrEnum
from typing import Protocol

from pybreaker import STATE_OPEN, CircuitBreaker, CircuitBreakerListener, CircuitBreakerState


class Outcome(StrEnum):
    """What became of a call: an answer, a refusal that the contract knows, or none that is good."""

    ANSWERED = "answered"
    REFUSED = "refused"
    FAILED = "failed"


class Watch(Protocol):
    """Is told of calls of other services."""

    def called(self, domain: str, method: str, outcome: Outcome, seconds: float) -> None:
        """Take note of a call that has ended."""

    def circuit(self, domain: str, *, is_open: bool) -> None:
        """Take note of whether a service is called at all."""


class CircuitWatch(CircuitBreakerListener):
    """Tells of one service's circuit."""

    def __init__(self, domain: str, watch: Watch) -> None:
        self._domain = domain
        self._watch = watch
        watch.circuit(domain, is_open=False)

    def state_change(
        self,
        cb: CircuitBreaker,  # noqa: ARG002
        old_state: CircuitBreakerState | None,  # noqa: ARG002
        new_state: CircuitBreakerState,
    ) -> None:
        """Count a change of state; half-open is counted as closed until its try fails."""
        self._watch.circuit(self._domain, is_open=new_state.name == STATE_OPEN)
