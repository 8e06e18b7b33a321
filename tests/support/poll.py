"""Wait for what will come to be, by asking again until a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import httpx

T = TypeVar("T")

INTERVAL = 0.2


class NotYet(Exception):
    """Say that what is asked for may still come."""


def eventually(check: Callable[[], T], *, within: float, every: float = INTERVAL) -> T:
    """Call ``check`` until it stops raising AssertionError, and return what it returned.

    An API or connection error counts as "not yet": the object may not be there, the server may be
    starting. ``within`` and ``every`` are in seconds; when the time is over the last error is
    raised as an AssertionError.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            return check()
        except (AssertionError, NotYet, httpx.TransportError) as error:
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {within:.0f} s: {error}") from error
        time.sleep(every)
