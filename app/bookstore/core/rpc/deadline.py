"""Deadlines: until when somebody waits for an answer, passed on from service to service.

A deadline is a moment on the clock, not a span of time: a request that waited in the queue of a
service that stood still is known to be too late. The clocks of one shop differ by less than that
matters, as the lifetimes of tokens rely on anyway.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "X-Request-Deadline"

_ends: ContextVar[float | None] = ContextVar("deadline", default=None)


def within(seconds: float) -> float:
    """Return the moment in so many seconds, or the one that the caller waits for, if sooner."""
    ends, own = _ends.get(), time.time() + seconds
    return own if ends is None else min(ends, own)


def left(ends: float) -> float:
    """Return how many seconds there are until a moment; none or less when it is over."""
    return ends - time.time()


@contextmanager
def until(ends: float) -> Iterator[None]:
    """Let all calls that begin in the block end by a moment."""
    token = _ends.set(ends)
    try:
        yield
    finally:
        _ends.reset(token)


def written(ends: float) -> str:
    """Return a deadline as a header has it, in seconds since 1970."""
    return f"{ends:.3f}"


def read(text: str) -> float:
    """Return the deadline of a header.

    :raise ValueError: when it is none.
    """
    ends = float(text)
    if not 0 < ends < 1e11:
        raise ValueError(text)
    return ends
